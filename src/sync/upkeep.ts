import { asError } from '../event/errors.ts'
import { LogClosedError, LogLockedError } from '../log/errors.ts'
import { maintenanceDirectory } from '../log/log-repository.ts'
import type { LogState, Notice } from '../log/log-state.ts'
import { WriterLock } from '../log/writer-lock.ts'
import { fileError } from '../repository/durable-file.ts'
import {
  countLooseObjects,
  type DiskUsage,
  listPacks,
  measureDiskUsage,
} from '../repository/maintenance/disk-usage.ts'
import { Maintenance, type MaintenanceRun } from '../repository/maintenance/maintenance.ts'
import { isMaintenanceDue } from '../repository/maintenance/plan.ts'
import type { RepositoryPaths } from '../repository/stand-in-directory.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { MaintenanceRunningError } from './errors.ts'
import { SharedWork } from './shared-work.ts'

/** How a log looks after its repository. */
export interface UpkeepParts {
  readonly repository: RepositoryPaths
  /** Where the log keeps what is its own. */
  readonly directory: string
  readonly state: Pick<LogState, 'branch'>
  readonly reader: { refresh(): void }
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly notify: (notice: Notice) => void
  /** How long nothing must have been committed before it starts by itself; undefined: it never does. */
  readonly idleMs: number | undefined
}

/** What maintenance did. */
export interface MaintenanceResult {
  /** Loose objects that are in a pack now. */
  readonly packedObjects: number
  /** Packs that were merged into one. */
  readonly mergedPacks: number
  readonly before: DiskUsage
  readonly after: DiskUsage
}

/** Seals between two looks at a log that is never idle. */
const LOOK_EVERY = 256

/**
 * Maintains the repository of an open log, when asked and by itself.
 *
 * waiting → (nothing was committed for a while, or very much) looking → running → waiting … → closed
 */
export class Upkeep {
  private timer: NodeJS.Timeout | undefined
  private running: SharedWork<MaintenanceResult> | undefined
  private looking: Promise<void> | undefined
  private seals = 0
  private leftLoose = 0
  private measured: DiskUsage | undefined
  private readonly stop = new AbortController()

  constructor(private readonly parts: UpkeepParts) {}

  /** What the repository took when that was last measured. */
  get usage(): DiskUsage | undefined {
    return this.measured
  }

  /** Measures now: some 10 ms, with thousands of loose objects some 100. */
  async measure(): Promise<DiskUsage> {
    const { repository, fileSystem } = this.parts
    this.measured = await measureDiskUsage(repository.gitDirectory, fileSystem)
    return this.measured
  }

  /** Says that the branch moved, or that the log was opened. */
  schedule(): void {
    const { idleMs } = this.parts
    if (idleMs === undefined || this.stop.signal.aborted) return
    if (++this.seals % LOOK_EVERY === 0) this.look(false)
    if (this.timer === undefined) this.timer = setTimeout(() => this.look(true), idleMs).unref()
    else this.timer.refresh()
  }

  /**
   * Maintains now. Calls that come while it is at work share its end, but each may give up for itself.
   *
   * @throws MaintenanceRunningError when another process is at it
   * @throws GitMissingError, GitFailedError, DiskFullError, PermissionDeniedError, the signal's reason, and what
   *   `onProgress` throws
   */
  async run({ signal, onProgress }: MaintenanceRun = {}): Promise<MaintenanceResult> {
    while (this.running?.isGivenUp) await this.running.ended
    signal?.throwIfAborted()
    const failed = new AbortController()
    const report: MaintenanceRun['onProgress'] = (progress) => {
      try {
        if (!failed.signal.aborted) onProgress?.(progress)
      } catch (error) {
        // It is no concern of those who joined.
        failed.abort(error)
      }
    }
    this.running ??= this.begin(onProgress && report)
    return this.running.join(AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]))
  }

  async close(): Promise<void> {
    this.stop.abort(new LogClosedError())
    clearTimeout(this.timer)
    await this.looking
    await this.running?.ended
  }

  private look(isIdle: boolean): void {
    if (this.running !== undefined) return
    this.looking ??= this.runIfDue(isIdle)
      .catch((error: unknown) => {
        // Whoever is at it does what there is to do.
        if (this.stop.signal.aborted || error instanceof MaintenanceRunningError) return
        const told = asError(error)
        this.parts.notify({ kind: 'maintenance-failed', error: told })
      })
      .finally(() => {
        this.looking = undefined
      })
  }

  private async runIfDue(isIdle: boolean): Promise<void> {
    const { repository, fileSystem } = this.parts
    const looseObjects = await countLooseObjects(repository.gitDirectory, fileSystem)
    const packs = await listPacks(repository.gitDirectory, fileSystem)
    const { leftLoose } = this
    if (isMaintenanceDue({ looseObjects, leftLoose, packs, isIdle })) await this.run()
  }

  private begin(onProgress: MaintenanceRun['onProgress']): SharedWork<MaintenanceResult> {
    const { signal: closed } = this.stop
    const work = new SharedWork((givenUp) =>
      this.maintain({ signal: AbortSignal.any([givenUp, closed]), onProgress }),
    )
    void work.ended.then(() => {
      this.running = undefined
    })
    return work
  }

  private async maintain(run: MaintenanceRun): Promise<MaintenanceResult> {
    const { repository, directory, state, reader, fileSystem, clock } = this.parts
    const lock = await takeLock(maintenanceDirectory(repository), fileSystem, clock)
    try {
      const onRepacked = () => reader.refresh()
      await using maintenance = new Maintenance({ repository, directory, fileSystem, onRepacked })
      const before = await this.measure()
      const work = await maintenance.run(state.branch.commit, run)
      const after = await this.measure()
      this.leftLoose = after.looseObjects
      return { ...work, before, after }
    } finally {
      await lock.release()
    }
  }
}

/** Two runs at a time could each remove what the other counts on. */
async function takeLock(directory: string, fileSystem: FileSystem, clock: Clock): Promise<WriterLock> {
  try {
    await fileSystem.makeDirectory(directory)
    return await WriterLock.acquire(directory, fileSystem, clock)
  } catch (error) {
    throw error instanceof LogLockedError
      ? new MaintenanceRunningError(error.owner)
      : fileError(directory, error)
  }
}
