import type { AppendCondition } from '../event/condition.ts'
import { JournalFullError } from '../journal/errors.ts'
import type { Durability, Journal } from '../journal/journal.ts'
import type { Clock } from '../system/clock.ts'
import type { PreparedAppend } from './append-check.ts'
import type { LogListener, LogState } from './log-state.ts'
import { type AppendResult, place } from './placement.ts'
import { type UnsealedAppend, UnsealedRun } from './run.ts'

/** How safe an append is when its promise resolves. */
export type AckLevel = 'written' | 'journaled' | 'committed' | 'pushed'

/** An append that has its place; it is safe once it is journaled. */
export interface Accepted {
  readonly result: AppendResult
  readonly journaled: Promise<void>
}

interface Waiting extends UnsealedAppend {
  readonly durability: Durability
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The most that one write to the journal takes, in characters. */
const MAX_GROUP = 1 << 20

/**
 * Checks appends, gives them their places, and journals all that wait with one write: group commit.
 *
 * accepted (in the index) → journaled → visible (in the tail and the image) → resolved
 */
export class Appender {
  private readonly waiting: Waiting[] = []
  private isFlushing = false
  /** Settles with the append that was accepted last, and so after all before it. */
  private lastAccepted: Promise<void> = Promise.resolve()
  private failure: Error | undefined

  constructor(
    private readonly state: LogState,
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly listener: LogListener,
  ) {}

  /** Set once the journal's disk has failed: nothing more is accepted. */
  get failed(): Error | undefined {
    return this.failure
  }

  /** Resolves when all that was accepted so far is journaled or refused. */
  whenSettled(): Promise<void> {
    return this.lastAccepted.catch(() => undefined)
  }

  /**
   * Accepts an append or throws at once; the promise inside resolves when it is journaled.
   *
   * @throws ConcurrencyError, TimeBackwardsError, and whatever failed the journal before
   */
  accept(
    appends: readonly PreparedAppend[],
    condition: AppendCondition | undefined,
    durability: Durability,
  ): Accepted {
    if (this.failure !== undefined) throw this.failure
    const { first, count, lines, result } = place(this.state.index, appends, condition, this.clock.now())
    const journaled = new Promise<void>((resolve, reject) => {
      this.waiting.push({ first, count, lines, durability, resolve, reject })
    })
    this.lastAccepted = journaled
    this.startFlushing()
    return { result, journaled }
  }

  private startFlushing(): void {
    if (this.isFlushing) return
    this.isFlushing = true
    // A microtask later, so that all appends of one turn of the event loop share the first write.
    void Promise.resolve().then(() => this.flush())
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.takeGroup()
      try {
        const durability = group.every((one) => one.durability === 'written') ? 'written' : 'durable'
        await this.journal.append(group, durability)
      } catch (error) {
        this.refuse(group, error)
        continue
      }
      const run = new UnsealedRun(group)
      this.state.tail.push(run)
      this.listener.onRun(run, this.state.index)
      this.state.visible.moveTo(run.first + run.count - 1)
      for (const { resolve } of group) resolve()
    }
    this.isFlushing = false
  }

  private takeGroup(): Waiting[] {
    let size = 0
    let count = 0
    for (const { lines } of this.waiting) {
      size += lines.length
      if (size > MAX_GROUP && count > 0) break
      count++
    }
    return this.waiting.splice(0, count)
  }

  /** What came after the refused group was given places behind it, so all that waits is refused with it. */
  private refuse(group: readonly Waiting[], error: unknown): void {
    if (!(error instanceof JournalFullError)) {
      this.failure = error instanceof Error ? error : new Error(String(error))
    }
    const refused = [...group, ...this.waiting.splice(0)]
    this.state.index.truncate(this.state.visible.position)
    for (const { reject } of refused) reject(error)
  }
}
