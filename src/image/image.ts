import { UsageError } from '../event/errors.ts'
import { checkOptionKinds, shown } from '../event/option-kinds.ts'
import { Exclusive } from '../log/exclusive.ts'
import type { LogIndex } from '../log/log-index.ts'
import type { LogListener, Notice } from '../log/log-state.ts'
import { lastOf, type Run } from '../log/run.ts'
import { InvalidProjectionError, ProjectionStoppedError, UnknownProjectionError } from './errors.ts'
import type { Projection } from './projection.ts'
import { RunningProjection, type SavedState, type Stop } from './running-projection.ts'

/** What is known of a projection's snapshots in this process. */
export interface SnapshotStatus {
  /** The position its newest snapshot holds, 0 where there is none. */
  readonly position: number
  /** Why there is none of a later position, such as a state that would come back changed. */
  readonly problem?: string
}

/** Where a projection stands. */
export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  /** The position of the last event it has taken in. */
  readonly position: number
  /** Set when a handler failed: the projection stands still, the others go on. */
  readonly stopped?: { readonly position: number; readonly error: Error; readonly reason: string }
  /** Positions of events that were skipped by `resume`, until the log is opened again. */
  readonly skipped?: readonly number[]
  readonly snapshot: SnapshotStatus
}

/** A projection whose state may be saved, with that state. */
export interface SavableProjection extends SavedState {
  readonly projection: Projection<unknown>
  readonly snapshot: SnapshotStatus
}

/** The positions of events that projections pass over. */
export type Skipped = ReadonlyMap<Projection<unknown>, ReadonlySet<number>>

export interface ImageOptions {
  readonly notify: (notice: Notice) => void
  /** The newest saved state of a projection that fits the log as it stands, not after a position. */
  readonly load?: (projection: Projection<unknown>, upTo: number) => Promise<SavedState | undefined>
  /** What projections pass over from the beginning. Default: nothing. */
  readonly skipped?: Skipped | undefined
}

const TWICE = { hint: 'Each projection of a log needs a name of its own.' }

/** How to go on after a handler failed: try the event again, or leave it out. */
export type ResumeMode = 'retry' | 'skip'

/** Gives the visible events from a position on. */
export type Replay = (from: number) => AsyncIterable<Run>

/**
 * The memory image of a log: its projections. A run of events is applied to all of them at once,
 * synchronously, so no reader sees half of it.
 */
export class Image implements LogListener {
  private readonly running = new Map<Projection<unknown>, RunningProjection>()
  private readonly snapshots = new Map<Projection<unknown>, SnapshotStatus>()
  /** Of resuming and rebuilding, one at a time. */
  private readonly rebuilding = new Exclusive()
  private rewrites = 0
  /** From a rewrite of history until all projections were made anew: they hold what is void. */
  private isOutdated = false
  /** The last position it was told of. */
  private told = 0

  private constructor(private readonly options: ImageOptions) {}

  /**
   * Makes the image of a log whose events are replayed next, from saved states where there are some.
   *
   * @throws InvalidProjectionError when two projections have the same name
   */
  static async open(projections: readonly Projection<unknown>[], options: ImageOptions): Promise<Image> {
    const names = new Set<string>()
    for (const { name } of projections) {
      if (names.has(name)) throw new InvalidProjectionError('name', `"${name}" is given twice`, TWICE)
      names.add(name)
    }
    const image = new Image(options)
    for (const projection of projections) {
      const skipped = options.skipped?.get(projection) ?? new Set()
      const running = await image.startAnew(projection, Number.POSITIVE_INFINITY, skipped)
      image.running.set(projection, running)
      image.snapshots.set(projection, { position: running.position })
    }
    return image
  }

  /** The projections, in the order given. */
  get projections(): readonly Projection<unknown>[] {
    return [...this.running.keys()]
  }

  /** The position from which all projections are fed; with none of them, there is nothing to replay. */
  get position(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.running.values()].map(({ position }) => position))
  }

  onRun(run: Run, index: LogIndex): void {
    for (const running of this.running.values()) this.report(running, running.apply(run, index))
    this.told = lastOf(run)
  }

  async onRewritten(commonPosition: number, replay: Replay, index: LogIndex): Promise<void> {
    this.rewrites++
    this.isOutdated = true
    await this.rebuilding.run(async () => {
      const rebuilt = await Promise.all(
        [...this.running.values()].map(({ projection, skipped }) => {
          const stillThere = [...skipped].filter((position) => position <= commonPosition)
          return this.startAnew(projection, commonPosition, new Set(stillThere))
        }),
      )
      const from = Math.min(...rebuilt.map(({ position }) => position)) + 1
      for (const { projection, position } of rebuilt) this.snapshots.set(projection, { position })
      let last = commonPosition
      // Without projections there is nothing to read.
      if (rebuilt.length > 0) {
        for await (const run of replay(from)) {
          for (const running of rebuilt) running.apply(run, index)
          last = lastOf(run)
        }
      }
      for (const running of rebuilt) this.swapIn(running)
      this.told = last
      this.isOutdated = false
    })
  }

  /**
   * The state of a projection, as it is in memory: read it, do not change it.
   *
   * @throws UnknownProjectionError
   * @throws ProjectionStoppedError, unless a state that stands still is asked for: then it is the one before
   *   the event that failed, but for what the failing handler had changed already
   */
  state<State>(projection: Projection<State>, options: { readonly evenIfStopped?: boolean } = {}): State {
    checkOptionKinds('state', options, { evenIfStopped: 'truth' })
    const { evenIfStopped = false } = options
    const { stop, state } = this.find(projection)
    if (stop !== undefined && !evenIfStopped) {
      throw new ProjectionStoppedError(projection.name, stop.position, stop.error)
    }
    // Only this projection's own init and handlers have made it.
    return state as State
  }

  /** Where each projection stands. */
  status(): ProjectionStatus[] {
    return [...this.running.values()].map(({ projection, position, stop, skipped }) => ({
      name: projection.name,
      version: projection.version,
      position,
      ...(stop !== undefined && { stopped: { ...stop, reason: stop.error.message } }),
      ...(skipped.size > 0 && { skipped: [...skipped] }),
      snapshot: this.snapshots.get(projection)!,
    }))
  }

  /** What was skipped by `resume`. */
  skipped(): Skipped {
    return new Map([...this.running].map(([projection, { skipped }]) => [projection, skipped]))
  }

  /**
   * Sets a stopped projection going again: its state is made anew, from its snapshot or from the first event,
   * since the handler may have failed half way. It trails the log until it has caught up; then it is swapped
   * in. An event that is skipped stays skipped until the log is closed, and keeps the state out of snapshots.
   * A projection that is not stopped stays as it is.
   *
   * @throws UnknownProjectionError
   * @throws ProjectionStoppedError when it stops again
   */
  async resume(
    projection: Projection<unknown>,
    mode: ResumeMode,
    replay: Replay,
    index: LogIndex,
  ): Promise<void> {
    this.find(projection)
    if (mode !== 'retry' && mode !== 'skip') {
      throw new UsageError(`resume goes on with ${shown(mode)}`, { hint: "Give 'retry' or 'skip'." })
    }
    await this.rebuilding.run(async () => {
      const stopped = this.find(projection)
      // Once the image is rebuilt, all of its projections are made anew.
      if (stopped.stop === undefined || this.isOutdated) return
      const { rewrites } = this
      const skipped = new Set(stopped.skipped)
      if (mode === 'skip') skipped.add(stopped.stop.position)
      const running = await this.startAnew(projection, stopped.position, skipped)
      while (running.position < this.told && running.stop === undefined && this.rewrites === rewrites) {
        for await (const run of replay(running.position + 1)) running.apply(run, index)
      }
      // A rewrite in the meantime makes all projections anew, this one among them.
      if (this.rewrites === rewrites) this.swapIn(running)
    })
    this.state(projection)
  }

  /** The states that may be saved: of no projection that stopped, has left out an event, or holds what is void. */
  get savable(): readonly SavableProjection[] {
    if (this.isOutdated) return []
    return [...this.running.values()]
      .filter(({ stop, skipped }) => stop === undefined && skipped.size === 0)
      .map(({ projection, state, position }) => {
        return { projection, state, position, snapshot: this.snapshots.get(projection)! }
      })
  }

  /** For `status`: a projection's state at a position is on the disk. */
  snapshotSaved(projection: Projection<unknown>, position: number): void {
    this.snapshots.set(projection, { position })
  }

  /** For `status`: why a projection's state could not be saved. */
  snapshotFailed(projection: Projection<unknown>, problem: string): void {
    this.snapshots.set(projection, { position: this.snapshots.get(projection)!.position, problem })
  }

  private find(projection: Projection<unknown>): RunningProjection {
    const running = this.running.get(projection)
    if (running === undefined) throw new UnknownProjectionError(projection?.name ?? String(projection))
    return running
  }

  private async startAnew(
    projection: Projection<unknown>,
    upTo: number,
    skipped: ReadonlySet<number>,
  ): Promise<RunningProjection> {
    // A snapshot may hold an event that is to be left out only if it was made after it.
    const firstSkipped = Math.min(...skipped)
    const saved = await this.options.load?.(projection, Math.min(upTo, firstSkipped - 1))
    return new RunningProjection(projection, saved, skipped)
  }

  private swapIn(running: RunningProjection): void {
    this.running.set(running.projection, running)
    this.report(running, running.stop)
  }

  private report({ projection: { name } }: RunningProjection, stop: Stop | undefined): void {
    if (stop === undefined) return
    this.options.notify({ kind: 'projection-stopped', projection: name, ...stop })
  }
}
