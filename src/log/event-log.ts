import { type AppendCondition, copyCondition } from '../event/condition.ts'
import type { RecordedEvent } from '../event/event.ts'
import { Admission } from './admission.ts'
import { hasGivenIds, type PreparedAppend } from './append-check.ts'
import { AppendRequest, accept } from './append-request.ts'
import type { AckLevel, Appender } from './appender.ts'
import type { BatchSource } from './batch-source.ts'
import type { Draft } from './draft.ts'
import {
  BacklogFullError,
  BranchUnreadableError,
  EventNotFoundError,
  LogClosedError,
  LogDivergedError,
  ReadOnlyError,
} from './errors.ts'
import type { Exclusive } from './exclusive.ts'
import type { Folding } from './folding.ts'
import type { Follower } from './follower.ts'
import type { LogState } from './log-state.ts'
import type { AppendResult } from './placement.ts'
import type { Preparation, StreamAppend } from './preparation.ts'
import { loadEvent, type ReadOptions, readEvents } from './reading.ts'
import { RepeatableAppends } from './repeatable-appends.ts'
import type { ReusableJournal } from './reusable-journal.ts'
import { type Run, runFrom, runTo } from './run.ts'
import type { Sealer } from './sealer.ts'
import { type StreamSummary, streamsAt } from './streams.ts'

/** What a log that is written to has beside one that is only read. */
export interface Writer {
  readonly appender: Appender
  readonly sealer: Sealer
  readonly folding: Folding
  /** For appends that somebody else has to confirm. */
  readonly draft: Draft
  readonly journal: ReusableJournal
  readonly preparation: Preparation
  /** How many bytes may wait to be sealed before appends have to wait too. */
  readonly maxUnsealed: number
}

/**
 * The log of one repository: appends, reads, seals and follows. It knows nothing of projections and
 * remotes; those are told of its events through the listener it was opened with.
 *
 * open → closing → closed
 *
 * While it is open, no append is taken in any more once the journal's disk has failed (`Appender.failed`), or somebody
 * else moved the branch while events waited (`Sealer.diverged`).
 */
export class EventLog {
  private phase: 'open' | 'closing' | 'closed' = 'open'
  private closing: Promise<void> | undefined
  private readonly admission = new Admission((isFresh) => this.prepareToAccept(isFresh))
  private readonly repeatable: RepeatableAppends

  constructor(
    readonly state: LogState,
    readonly source: BatchSource,
    readonly follower: Follower,
    private readonly branchLock: Exclusive,
    readonly writer: Writer | undefined,
  ) {
    this.repeatable = new RepeatableAppends(state, source, follower, this.admission)
  }

  /**
   * Appends to one or more streams, all or nothing.
   *
   * @throws InvalidEventError, InvalidDataError, InvalidStreamError, EventTooLargeError, AppendTooLargeError,
   *   TimeBackwardsError, ClockError, UsageError, ConcurrencyError, DuplicateIdError, JournalFullError,
   *   JournalFailedError, BranchUnreadableError, BacklogFullError, LogDivergedError, SealFailedError,
   *   ReadOnlyError, LogClosedError
   */
  append(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
    ack: AckLevel,
  ): Promise<AppendResult> {
    // One promise an append, no async functions around it: at 1,024 in flight each layer is a tenth of the cost.
    try {
      const { appender, sealer, preparation } = this.writable()
      const prepared = preparation.prepare(appends, condition)
      const request = new AppendRequest(
        appender,
        prepared,
        condition && copyCondition(condition),
        ack === 'written' ? 'written' : 'durable',
        preparation,
      )
      const appended = hasGivenIds(prepared)
        ? this.repeatable.append(request, sealer)
        : this.admission.enter(accept, request)
      return ack === 'written' || ack === 'journaled' ? appended : whenCommitted(appended, sealer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Checks appends and encodes them as far as is possible without a place in the log.
   *
   * @param eventBytes the most bytes that an event may take. Default: as many as this log lets it
   * @throws what `append` throws before it looks at the log
   */
  prepare(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
    eventBytes?: number,
  ): PreparedAppend[] {
    return this.writable().preparation.prepare(appends, condition, eventBytes)
  }

  /** Reads events; see ReadOptions. */
  read(options: ReadOptions = {}): AsyncGenerator<RecordedEvent> {
    this.checkOpen()
    return readEvents(this.state, this.source, options)
  }

  /** @throws EventNotFoundError */
  async event(position: number): Promise<RecordedEvent> {
    this.checkOpen()
    const last = this.state.visible.position
    if (!Number.isSafeInteger(position) || position < 1 || position > last) {
      throw new EventNotFoundError(position, last)
    }
    return loadEvent(this.state, this.source, position)
  }

  /** The streams in the order in which they first appeared. Costs a look at each stream of the log. */
  streams(options?: { readonly prefix?: string }): StreamSummary[] {
    return streamsAt(this.state.index, this.state.visible.position, options)
  }

  /** The visible events from one position to another, both included, in runs. */
  async *replay(from: number, to = this.state.visible.position, signal?: AbortSignal): AsyncGenerator<Run> {
    const { branch, tail } = this.state
    const unsealed = [...tail.runs]
    for await (const run of this.source.replay(branch.tree, from, signal)) {
      if (run.first > to) return
      const part = partOf(run, from, Math.min(to, branch.position))
      if (part !== undefined) yield part
    }
    for (const run of unsealed) {
      const part = partOf(run, Math.max(from, branch.position + 1), to)
      if (part !== undefined) yield part
    }
  }

  /** For appends that somebody else has to confirm. @throws ReadOnlyError, LogClosedError */
  get draft(): Draft {
    return this.writable().draft
  }

  /** Commits everything that is visible. @throws LogDivergedError, SealFailedError, ReadOnlyError, LogClosedError */
  async seal(): Promise<void> {
    const { appender, sealer } = this.writable()
    await appender.whenSettled()
    await sealer.seal()
  }

  /**
   * Folds small batch files now, as far as it comes before the signal is aborted.
   *
   * @returns how many files stood in the log before and after
   * @throws what `seal` throws; BranchUnreadableError, and the signal's reason
   * @throws RefMovedError when somebody else moved the branch meanwhile: what was folded until then stays so
   */
  async fold(signal?: AbortSignal): Promise<{ readonly before: number; readonly after: number }> {
    await this.seal()
    // What somebody else committed is adopted, as by an append.
    await this.follower.look()
    const { sealer } = this.writable()
    this.checkReadable()
    return sealer.foldAll(signal)
  }

  /**
   * Seals what waits and stops.
   *
   * @throws LogDivergedError, SealFailedError: it is closed all the same, and the journal keeps the events
   */
  async close(): Promise<void> {
    // Only the first caller hears of what went wrong; the others wait for the end.
    if (this.closing !== undefined) return this.closing.catch(() => undefined)
    this.closing = this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    this.phase = 'closing'
    const { writer, state } = this
    try {
      // What was called before this is stored, whether it was let in at once or had to wait.
      await this.repeatable.whenSettled()
      await this.admission.whenLetIn()
      await writer?.appender.whenSettled()
      if (writer !== undefined && writer.appender.failed === undefined) await writer.sealer.seal()
    } finally {
      await writer?.sealer.stop()
      this.phase = 'closed'
      state.visible.giveUp(new LogClosedError())
      await this.branchLock.run(async () => {
        // A pull may still be on its way.
        this.follower.close()
        await writer?.journal.close()
      })
    }
  }

  checkOpen(): void {
    if (this.phase === 'closed') throw new LogClosedError()
  }

  private writable(): Writer {
    if (this.phase !== 'open') throw new LogClosedError()
    if (this.writer === undefined) throw new ReadOnlyError()
    return this.writer
  }

  /**
   * What an append has to wait for, if anything. With nothing waiting to be sealed the branch is looked at
   * first, so that a commit that somebody else just made is adopted rather than contradicted.
   */
  private prepareToAccept(isFresh: boolean): Promise<void> | undefined {
    const { writer, state, follower } = this
    if (this.phase === 'closed' || writer === undefined) throw new LogClosedError()
    const { appender, sealer, maxUnsealed } = writer
    if (appender.failed !== undefined) throw appender.failed
    if (sealer.diverged !== undefined) throw sealer.diverged
    const isIdle = state.index.count === state.branch.position
    if (state.tail.bytes > maxUnsealed) return this.makeRoom(sealer, maxUnsealed)
    if (follower.isAdopting || (isFresh && isIdle)) return follower.look()
    this.checkReadable()
    return undefined
  }

  /** Nothing can be put on top of a commit that could not be taken in. @throws BranchUnreadableError */
  checkReadable(): void {
    const { follower, state } = this
    const { problem, branch } = follower
    if (problem === undefined) return
    throw new BranchUnreadableError(problem.commit, state.branch.commit, branch, problem.error)
  }

  private async makeRoom(sealer: Sealer, maxUnsealed: number): Promise<void> {
    try {
      await sealer.makeRoom(maxUnsealed)
    } catch (cause) {
      if (cause instanceof LogDivergedError) throw cause
      throw new BacklogFullError(this.state.tail.count, cause)
    }
  }
}

async function whenCommitted(appended: Promise<AppendResult>, sealer: Sealer): Promise<AppendResult> {
  const result = await appended
  return { ...result, commit: await sealer.whenCommitted(result.position) }
}

function partOf(run: Run, from: number, to: number): Run | undefined {
  const start = runFrom(run, from)
  return start === undefined || start.first > to ? undefined : runTo(start, to)
}
