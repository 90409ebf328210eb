import type { AppendCondition } from '../event/condition.ts'
import { asError } from '../event/errors.ts'
import { JsonWriter } from '../event/json-writer.ts'
import { timeOf } from '../event/time.ts'
import { JournalFullError } from '../journal/errors.ts'
import type { Durability, Journal } from '../journal/journal.ts'
import type { Clock } from '../system/clock.ts'
import type { PreparedAppend } from './append-check.ts'
import { AppendGroup } from './append-group.ts'
import type { LogListener, LogState } from './log-state.ts'
import { type AppendResult, place } from './placement.ts'
import type { UnsealedRun } from './run.ts'
import { show } from './showing.ts'

/** How safe an append is when its promise resolves. */
export type AckLevel = 'written' | 'journaled' | 'committed' | 'pushed'

/** What appending works with. */
export interface AppenderParts {
  readonly log: LogState
  readonly journal: Journal
  readonly clock: Clock
  readonly listener: LogListener
  /** Told after each group of appends that became visible. */
  readonly onJournaled: () => void
}

/** A group that grows no more, with its lines. */
interface WaitingGroup {
  readonly group: AppendGroup
  readonly run: UnsealedRun
}

/** As soon as so many bytes wait, they are written: the disk works while the next appends are encoded. */
const WORTH_A_WRITE = 128 * 1024
/** An append that finds more bytes waiting begins a write of its own. */
const FULL_GROUP = 1 << 20
/** Room for the lines of more than a thousand events of common size. */
const GROUP_BYTES = 512 * 1024

/**
 * Checks appends, gives them their places, and journals all that wait with one write: group commit.
 *
 * accepted (in the index) → journaled → visible (in the tail and the image) → resolved
 */
export class Appender {
  /** Groups that grow no more and wait for their write, oldest first. */
  private readonly full: WaitingGroup[] = []
  /** The group that takes in the next append, if one waits. */
  private open: AppendGroup | undefined
  /** The lines of the open group. */
  private readonly lines = new JsonWriter(GROUP_BYTES)
  private state: 'idle' | 'scheduled' | 'writing' = 'idle'
  /** Settles with the append that was accepted last, and so after all before it. */
  private lastAccepted: Promise<void> = Promise.resolve()
  private failure: Error | undefined
  /** From this position on, a power cut may take what is in no commit. */
  unsafeFrom = Number.POSITIVE_INFINITY

  constructor(private readonly parts: AppenderParts) {}

  /** Set once the journal's disk has failed, or events could not be shown: nothing more is accepted. */
  get failed(): Error | undefined {
    return this.failure
  }

  /** Resolves when all that was accepted so far is journaled or refused. */
  whenSettled(): Promise<void> {
    return this.lastAccepted.catch(() => undefined)
  }

  /**
   * Accepts an append or throws at once; the promise resolves when it is journaled.
   *
   * @throws ConcurrencyError, TimeBackwardsError, ClockError, and whatever failed the journal before
   */
  append(
    appends: readonly PreparedAppend[],
    condition: AppendCondition | undefined,
    durability: Durability,
  ): Promise<AppendResult> {
    if (this.failure !== undefined) throw this.failure
    const { log, clock } = this.parts
    if (this.open !== undefined && this.open.bytes >= FULL_GROUP) this.full.push(this.closeGroup(this.open))
    const before = this.lines.used
    const result = place(log.index, appends, condition, timeOf(clock), this.lines)
    this.open ??= new AppendGroup(result.firstPosition)
    const group = this.open
    group.add(result.ids.length, this.lines.used - before, durability)
    this.lastAccepted = group.journaled
    this.startWriting(group)
    return group.journaled.then(() => result)
  }

  private closeGroup(group: AppendGroup): WaitingGroup {
    this.open = undefined
    return { group, run: group.toRun(this.lines.take()) }
  }

  private startWriting(group: AppendGroup): void {
    if (this.state === 'writing') return
    if (group.bytes >= WORTH_A_WRITE) void this.write()
    else if (this.state === 'idle') {
      this.state = 'scheduled'
      // A microtask later, so that all appends of one turn of the event loop share the first write.
      queueMicrotask(() => {
        if (this.state === 'scheduled') void this.write()
      })
    }
  }

  private async write(): Promise<void> {
    this.state = 'writing'
    for (let next = this.takeGroup(); next !== undefined; next = this.takeGroup()) {
      const { group, run } = next
      try {
        await this.parts.journal.append(run, group.durability)
        // What is durable makes all before it so.
        const isDurable = group.durability === 'durable'
        this.unsafeFrom = isDurable ? Number.POSITIVE_INFINITY : Math.min(this.unsafeFrom, run.first)
        this.publish(run)
        group.resolve()
      } catch (error) {
        this.refuse(group, error)
      }
    }
    this.state = 'idle'
  }

  private takeGroup(): WaitingGroup | undefined {
    return this.full.shift() ?? (this.open && this.closeGroup(this.open))
  }

  private publish(run: UnsealedRun): void {
    const { log, listener, onJournaled } = this.parts
    // First, since it may throw: then nothing of the run is in the tail.
    show(listener, run, log.index)
    log.tail.push(run)
    log.visible.moveTo(run.first + run.count - 1)
    onJournaled()
  }

  /** What came after the refused group was given places behind it, so all that waits is refused with it. */
  private refuse(group: AppendGroup, error: unknown): void {
    if (!(error instanceof JournalFullError)) this.failure = asError(error)
    const refused = [group, ...this.full.splice(0).map((waiting) => waiting.group)]
    if (this.open !== undefined) refused.push(this.closeGroup(this.open).group)
    try {
      this.parts.log.index.truncate(this.parts.log.visible.position)
    } catch (cause) {
      // What comes now cannot be checked against such an index.
      this.failure = asError(cause)
    }
    for (const { reject } of refused) reject(error)
  }
}
