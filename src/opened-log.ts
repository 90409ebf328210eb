import type { AppendCondition, ExpectedVersion } from './event/condition.ts'
import { UsageError } from './event/errors.ts'
import type { NewEvent, RecordedEvent } from './event/event.ts'
import { checkOptionNames } from './event/option-names.ts'
import type { Image } from './image/image.ts'
import type { Projection } from './image/projection.ts'
import type { PastImage, PointInTime } from './image/time-travel.ts'
import type { AckLevel, AppendResult } from './log/appender.ts'
import type { EventLog, StreamAppend, StreamSummary } from './log/event-log.ts'
import type { ReadOptions } from './log/reading.ts'
import type { Verification } from './log/verification/verification.ts'
import type { TransferOptions } from './repository/remote.ts'
import type { LogStatus } from './status.ts'
import { NotPushedError } from './sync/errors.ts'
import type { PullResult } from './sync/pull.ts'

/** How an append is accepted and acknowledged. */
export interface AppendOptions {
  /** Where the stream has to stand. Default `'any'`. In an append over several streams, give it with each. */
  readonly expectedVersion?: ExpectedVersion
  /** What else must hold: no event after a position matches a query. */
  readonly condition?: AppendCondition
  /** How safe the events are when the promise resolves. Default `'journaled'`: on this disk. */
  readonly ack?: AckLevel
}

export interface WaitOptions {
  readonly signal?: AbortSignal
}

/** The parts of an open log that `open` wires together. */
export interface LogParts {
  readonly log: EventLog
  readonly image: Image
  readonly at: (point: PointInTime) => Promise<PastImage>
  readonly push: (remote: string | undefined, options: TransferOptions) => Promise<void>
  readonly pull: (remote: string | undefined, options: TransferOptions) => Promise<PullResult>
  readonly verify: (options: VerifyOptions) => Promise<Verification>
  readonly status: () => LogStatus
  readonly close: () => Promise<void>
}

export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Told how many commits of how many were checked. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * An open log: append, read, and the state of its projections. Made by `open` and `clone`.
 *
 * ```ts
 * await using log = await open('bank.git')
 * await log.append('account-1', [{ type: 'MoneyDeposited', data: { amount: 10 } }])
 * for await (const event of log.read({ stream: 'account-1' })) console.log(event.type, event.data)
 * ```
 */
export class Log implements AsyncDisposable {
  constructor(private readonly parts: LogParts) {}

  /**
   * Appends events to a stream, all or none. They are in the state of the projections when it resolves.
   *
   * Costs one write and sync of the disk (0.3 ms), shared by all appends that wait at the same time.
   *
   * An append whose events all carry ids that stand already where it expects them succeeds again with the
   * first result, so a retry after an unknown outcome is safe.
   *
   * @throws ConcurrencyError when the stream, or what the condition selects, does not stand as expected
   * @throws InvalidEventError, InvalidDataError, InvalidStreamError, EventTooLargeError, TimeBackwardsError
   * @throws DuplicateIdError when some of the given ids are stored already, elsewhere
   * @throws JournalFullError when the disk is full: nothing was stored
   * @throws JournalFailedError when the disk failed: open the log again and look
   * @throws LogDivergedError, SealFailedError, NotPushedError: see docs/errors.md
   */
  append(stream: string, events: readonly NewEvent[], options?: AppendOptions): Promise<AppendResult>
  /** Appends to several streams, all or none. */
  append(
    appends: readonly StreamAppend[],
    options?: Omit<AppendOptions, 'expectedVersion'>,
  ): Promise<AppendResult>
  append(
    target: string | readonly StreamAppend[],
    second?: readonly NewEvent[] | Omit<AppendOptions, 'expectedVersion'>,
    third?: AppendOptions,
  ): Promise<AppendResult> {
    // No async function of its own: at 1,024 appends in flight each layer of promises is a tenth of the cost.
    try {
      const { appends, condition, ack = 'journaled' } = normaliseAppend(target, second, third)
      if (!ACK_LEVELS.includes(ack)) throw unknownAck(ack)
      const appended = this.parts.log.append(appends, condition, ack)
      return ack === 'pushed' ? appended.then((result) => this.pushAppended(result)) : appended
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Reads events: of one stream, or of the whole log, filtered. What is visible when it starts, and with
   * `follow` what comes.
   *
   * @throws StreamNotFoundError with `ifMissing: 'error'`
   */
  read(options?: ReadOptions): AsyncGenerator<RecordedEvent> {
    return this.parts.log.read(options)
  }

  /** The event at a position. @throws EventNotFoundError */
  event(position: number): Promise<RecordedEvent> {
    return this.parts.log.event(position)
  }

  /** The streams, in the order in which they first appeared, with version and last change. */
  streams(options?: { readonly prefix?: string }): StreamSummary[] {
    this.parts.log.checkOpen()
    return this.parts.log.streams(options)
  }

  /**
   * The state of a projection: a plain read of memory. Do not change it.
   *
   * @throws UnknownProjectionError when the log was not opened with it
   * @throws ProjectionStoppedError when one of its handlers threw
   */
  state<State>(projection: Projection<State>, options?: { readonly evenIfStopped?: boolean }): State {
    return this.parts.image.state(projection, options)
  }

  /**
   * What the log knew at a position, a commit or a date: the projections as they stood then. Starts from the
   * nearest snapshot and replays the rest.
   *
   * @throws EventNotFoundError, CommitNotFoundError, UsageError
   */
  at(point: PointInTime): Promise<PastImage> {
    this.parts.log.checkOpen()
    return this.parts.at(point)
  }

  /** Lets a stopped projection go on: again with the event it stopped at, or after it. */
  resume(projection: Projection<unknown>, how: 'retry' | 'skip' = 'retry'): Promise<void> {
    const { log, image } = this.parts
    return image.resume(projection, how, (from) => log.replay(from), log.state.index)
  }

  /** Resolves when the event at a position is in the image; rejects with the signal's reason. */
  waitFor(position: number, { signal }: WaitOptions = {}): Promise<void> {
    this.parts.log.checkOpen()
    return this.parts.log.state.visible.reaches(position, signal)
  }

  /** Commits what is journaled; durable when it resolves. @throws LogDivergedError, SealFailedError */
  seal(): Promise<void> {
    return this.parts.log.seal()
  }

  /** Replaces small batch files by larger ones with the same lines; happens by itself as a log grows. */
  fold(): Promise<{ readonly before: number; readonly after: number }> {
    return this.parts.log.fold()
  }

  /**
   * Seals, then pushes the branch to a remote, fast-forward only.
   *
   * @param remote name or address; default: the log's
   * @throws RemoteFailedError, InvalidRemoteError, GitMissingError
   */
  push(remote?: string, options: TransferOptions = {}): Promise<void> {
    return this.parts.push(remote, options)
  }

  /**
   * Fetches the branch from a remote and takes in what it brings, fast-forward only, after a look at it.
   *
   * @param remote name or address; default: the log's
   * @throws RemoteFailedError, HistoryForkedError, InvalidBatchError, UnexpectedEntryError
   */
  pull(remote?: string, options: TransferOptions = {}): Promise<PullResult> {
    return this.parts.pull(remote, options)
  }

  /** Checks the whole history: hashes, positions, versions, trailers, folds. Reads every commit. */
  verify(options: VerifyOptions = {}): Promise<Verification> {
    this.parts.log.checkOpen()
    return this.parts.verify(options)
  }

  /** Where the log stands, in numbers. Costs nothing. */
  status(): LogStatus {
    return this.parts.status()
  }

  /**
   * Seals what waits, and gives the writer's lock back.
   *
   * @throws LogDivergedError, SealFailedError: it is closed all the same, and the journal keeps the events
   */
  close(): Promise<void> {
    return this.parts.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async pushAppended(result: AppendResult): Promise<AppendResult> {
    try {
      await this.parts.push(undefined, {})
      return result
    } catch (cause) {
      throw new NotPushedError(result.position, result.commit ?? '', cause)
    }
  }
}

function unknownAck(ack: unknown): UsageError {
  return new UsageError(`ack is ${JSON.stringify(ack)}`, { hint: `Give one of ${ACK_LEVELS.join(', ')}.` })
}

const ACK_LEVELS: readonly AckLevel[] = ['written', 'journaled', 'committed', 'pushed']

function normaliseAppend(
  target: string | readonly StreamAppend[],
  second: readonly NewEvent[] | Omit<AppendOptions, 'expectedVersion'> | undefined,
  third: AppendOptions = {},
): { appends: readonly StreamAppend[]; condition: AppendCondition | undefined; ack: AckLevel | undefined } {
  checkOptionNames('append', isList(second) ? third : (second ?? third), APPEND_OPTIONS)
  if (!isList(target)) {
    const { expectedVersion = 'any', condition, ack } = third
    return {
      appends: [{ stream: target, events: isList(second) ? second : [], expectedVersion }],
      condition,
      ack,
    }
  }
  if (isList(second)) throw new UsageError('an append over several streams takes its events with each stream')
  return { appends: target, condition: second?.condition, ack: second?.ack }
}

const APPEND_OPTIONS: Readonly<Record<keyof AppendOptions, true>> = {
  expectedVersion: true,
  condition: true,
  ack: true,
}

function isList<T>(value: string | readonly T[] | object | undefined): value is readonly T[] {
  return Array.isArray(value)
}
