import type { DrillOptions, DrillResult } from './drill.ts'
import { UsageError } from './event/errors.ts'
import type { RecordedEvent } from './event/event.ts'
import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import type { Image } from './image/image.ts'
import type { Projection } from './image/projection.ts'
import type { PastImage, PointInTime } from './image/time-travel.ts'
import type { EventLog } from './log/event-log.ts'
import type { ReadOptions } from './log/reading.ts'
import type { StreamSummary } from './log/streams.ts'
import type { Verification } from './log/verification/verification.ts'
import type { DiskUsage } from './repository/maintenance/disk-usage.ts'
import type { MaintenanceRun } from './repository/maintenance/maintenance.ts'
import type { TransferOptions } from './repository/remote-transfer.ts'
import type { LogStatus } from './status.ts'
import type { BackupResult } from './sync/backup/backup.ts'
import type { MaintenanceResult } from './sync/upkeep.ts'

export interface WaitOptions {
  readonly signal?: AbortSignal
}

/** The parts of an open log that `open` wires together. */
export interface LogParts {
  readonly log: EventLog
  readonly image: Image
  readonly at: (point: PointInTime) => Promise<PastImage>
  readonly backup: (directory: string, options: TransferOptions) => Promise<BackupResult>
  readonly drill: (source: string | undefined, options: DrillOptions) => Promise<DrillResult>
  readonly verify: (options: VerifyOptions) => Promise<Verification>
  readonly status: () => LogStatus
  readonly maintain: (run: MaintenanceRun) => Promise<MaintenanceResult>
  readonly measureDisk: () => Promise<DiskUsage>
  readonly close: () => Promise<void>
}

export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Told how many commits of how many were checked. */
  readonly onProgress?: (done: number, total: number) => void
}

const WORK = { signal: 'signal', onProgress: 'function' } as const
/** Of a transfer: what its options have to be. */
export const TRANSFER = { ...WORK, timeoutMs: 'duration' } as const

/** What every open log has: reads, state, status. */
export abstract class LogHandle<Parts extends LogParts = LogParts> implements AsyncDisposable {
  constructor(protected readonly parts: Parts) {}

  /**
   * Reads events: of one stream, or of the whole log, filtered. What is visible when it starts, and with
   * `follow` what comes. Costs a look into the index for each event that is passed, and one read a batch that
   * holds what is asked for; what is read ahead takes some MiB, however many events there are.
   *
   * ```ts
   * for await (const { version, type, data } of log.read({ stream: 'account-1', from: 2 })) console.log(version, type, data)
   * ```
   *
   * @throws LogClosedError on a closed log. All else comes when an event is asked for: StreamNotFoundError with
   *   `ifMissing: 'error'`, UsageError for an option that it has not, LogRewrittenError, the signal's reason
   */
  read(options?: ReadOptions): AsyncGenerator<RecordedEvent> {
    return this.parts.log.read(options)
  }

  /** The event at a position, from 1. Costs one read of its batch. @throws EventNotFoundError */
  event(position: number): Promise<RecordedEvent> {
    return this.parts.log.event(position)
  }

  /**
   * The streams, in the order in which they first appeared, with version and last change. Costs a look at each
   * stream of the log, and no read.
   *
   * ```ts
   * for (const { stream, version } of log.streams({ prefix: 'account-' })) console.log(stream, version)
   * ```
   */
  streams(options?: { readonly prefix?: string }): StreamSummary[] {
    this.parts.log.checkOpen()
    return this.parts.log.streams(options)
  }

  /**
   * The state of a projection: a plain read of memory. Do not change it.
   *
   * ```ts
   * const balance = log.state(balances).get('account-1')
   * ```
   *
   * @throws UnknownProjectionError when the log was not opened with it
   * @throws ProjectionStoppedError when one of its handlers threw
   */
  state<State>(projection: Projection<State>, options?: { readonly evenIfStopped?: boolean }): State {
    return this.parts.image.state(projection, options)
  }

  /**
   * What the log knew at a position, a commit or a date: the projections as they stood then, without the events
   * that `resume` was told to skip. Starts from the nearest snapshot and replays the rest: about 4 µs an event. Of a commit
   * it also reads what was folded since, to see that the events are still the same.
   *
   * ```ts
   * const past = await log.at('2026-11-01')
   * past.state(balances).get('account-1')
   * ```
   *
   * @param point a position, 0 for before the first event; a commit's full id; a Date, or a date as text such as
   *   `2026-11-01`, midnight UTC, or `2026-11-01T09:30+01:00`
   * @throws EventNotFoundError, CommitNotFoundError, UsageError
   * @throws HistoryChangedError for a commit whose events a later one has changed or removed
   */
  at(point: PointInTime): Promise<PastImage> {
    this.parts.log.checkOpen()
    return this.parts.at(point)
  }

  /**
   * Lets a stopped projection go on: again with the event it stopped at (`'retry'`, the default), or after it
   * (`'skip'`). Costs a replay of what came since.
   *
   * @throws ProjectionStoppedError when a handler throws again; UnknownProjectionError
   */
  resume(projection: Projection<unknown>, how: 'retry' | 'skip' = 'retry'): Promise<void> {
    const { log, image } = this.parts
    return image.resume(projection, how, (from) => log.replay(from), log.state.index)
  }

  /**
   * Resolves when the event at a position is in the image; rejects with the signal's reason. Without a signal it waits
   * as long as the log is open.
   *
   * @throws UsageError for what is no position: it would never come
   */
  async waitFor(position: number, options: WaitOptions = {}): Promise<void> {
    this.parts.log.checkOpen()
    checkOptionKinds('waitFor', options, { signal: 'signal' })
    if (!Number.isSafeInteger(position) || position < 0) {
      throw new UsageError(`${position} is no position to wait for`, {
        hint: 'Give that of an event, such as the `position` that append returns.',
      })
    }
    await this.parts.log.state.visible.reaches(position, options.signal)
  }

  /**
   * Seals, then adds to a backup in a folder what the branch holds more: one bundle file. With nothing new, it
   * writes nothing. The folder is made if it is missing; it may be a mounted bucket.
   *
   * Costs what git takes to pack the new commits, and about a millisecond for each of them, which is looked at as a
   * restore does. A bundle takes in those before it that are not at least twice as large, so n events lie in about
   * log2(n) files. `restore` brings the log back.
   *
   * ```ts
   * await log.backup('/mnt/backup/bank')
   * ```
   *
   * @throws UnsupportedRepositoryError for a shallow clone, which lacks the beginning of the log
   * @throws MergeCommitError, HistoryChangedError and others for a history that `restore` would refuse
   * @throws BackupForeignError for a backup of another log, or of a history that was rewritten since
   * @throws BackupLockedError, BackupDamagedError, DiskFullError, PermissionDeniedError, FileFailedError,
   *   GitMissingError, GitFailedError: the backup is as it was
   * @throws UsageError without a folder, or with one in the repository
   */
  async backup(directory: string, options: TransferOptions = {}): Promise<BackupResult> {
    this.parts.log.checkOpen()
    checkText('backup', 'the folder of a backup', directory)
    checkOptionKinds('backup', options, TRANSFER)
    return this.parts.backup(directory, options)
  }

  /**
   * Restores a backup or a remote into a temporary place, rebuilds the image there with the same projections,
   * and compares it with this one: every event, and every state. Says how far behind the copy is, and how long
   * the restore took. Costs what a restore and opening the log cost, and the disk space of a copy meanwhile.
   *
   * ```ts
   * const { isEqual, behind, seconds } = await log.drill('/mnt/backup/bank')
   * ```
   *
   * @param source the folder of a backup, or name or address of a remote; default: the log's remote
   * @throws what `restore` and `clone` throw, when there is nothing that could be compared
   */
  async drill(source?: string, options: DrillOptions = {}): Promise<DrillResult> {
    this.parts.log.checkOpen()
    if (source !== undefined) checkText('drill', 'the folder of a backup, or a remote', source)
    checkOptionKinds('drill', options, { ...TRANSFER, onReplayed: 'function' })
    return this.parts.drill(source, options)
  }

  /**
   * Checks the whole history: hashes, positions, versions, trailers, folds. Reads every commit. What is wrong is in the
   * result, not thrown.
   *
   * ```ts
   * const { isSound, findings } = await log.verify()
   * ```
   */
  async verify(options: VerifyOptions = {}): Promise<Verification> {
    this.parts.log.checkOpen()
    checkOptionKinds('verify', options, WORK)
    return this.parts.verify(options)
  }

  /**
   * Makes the repository small and quick: packs loose objects, merges packs, and keeps git's multi-pack-index
   * and commit-graph. Happens by itself where a log is written and then left alone for some seconds.
   *
   * Appends, seals and reads go on beside it; no event and no commit is touched. It works on a log that was
   * opened read-only, too, if this process may write to the repository. 100,000 loose objects take a minute
   * or so, in processes of low priority.
   *
   * @throws MaintenanceRunningError when another process is at it
   * @throws GitMissingError, GitFailedError, DiskFullError, PermissionDeniedError: what was done stays done
   *
   * ```ts
   * const { before, after } = await log.maintain()
   * ```
   */
  async maintain(run: MaintenanceRun = {}): Promise<MaintenanceResult> {
    this.parts.log.checkOpen()
    checkOptionKinds('maintain', run, WORK)
    return this.parts.maintain(run)
  }

  /**
   * What the repository's objects take on the disk, measured now: 10 ms, some 100 with many loose objects.
   *
   * @throws PermissionDeniedError, FileFailedError
   */
  measureDisk(): Promise<DiskUsage> {
    return this.parts.measureDisk()
  }

  /** Where the log stands, in numbers. Costs nothing. */
  status(): LogStatus {
    return this.parts.status()
  }

  /**
   * Stores what was appended before, commits what waits, and gives the writer's lock back. Pulls, backups, drills and
   * verifications that are under way are cut off. A second call waits for the first. Reads that follow end with LogClosedError.
   */
  close(): Promise<void> {
    return this.parts.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
