import { asError } from '../event/errors.ts'
import type { LogState, Notice } from '../log/log-state.ts'
import type { Image } from './image.ts'
import type { Projection } from './projection.ts'
import { findUnsavable } from './savable-state.ts'
import type { SnapshotStore, TakenSnapshot } from './snapshot-store.ts'

export interface SnapshotterOptions {
  readonly image: Image
  readonly state: LogState
  readonly store: SnapshotStore
  /** How many events a projection may be ahead of its snapshot. */
  readonly everyEvents: number
  /** The position up to which the index came from a snapshot; 0 if it was made from the events. */
  readonly indexPosition: number
  readonly notify: (notice: Notice) => void
}

/** What was taken of a projection, or of the index, which is none. */
interface Taken {
  readonly projection: Projection<unknown> | undefined
  readonly snapshot: TakenSnapshot
}

/** The default of `everyEvents`: what is replayed in a tenth of a second at most. */
export const SNAPSHOT_EVERY_EVENTS = 10_000

/** A log that is closed with fewer events than this since the last snapshot replays them when opened. */
const WORTH_ON_CLOSE = 1000
/** The index is written whole, so it is saved when it has grown by this share. */
const INDEX_SHARE = 1 / 32
/** The same when a log is closed: what is not saved then, every opening replays. */
const INDEX_SHARE_ON_CLOSE = 1 / 256
/** Taking snapshots may hold up appends for this share of the time. */
const TIME_SHARE = 1 / 50

/**
 * Takes snapshots in the background, for the writer of a log. A state is taken between two runs of events,
 * in memory; it is written once the branch holds all that it is made of. Nothing that fails here fails
 * the log.
 *
 * idle → taken (waits for a seal) → writing → idle
 */
export class Snapshotter {
  /** What was taken, and waits until the branch holds all of it. */
  private waiting: readonly Taken[] = []
  private writing: Promise<void> | undefined
  private restsUntil = 0
  /** Up to where each projection was taken, or found to be unsavable, and the index. */
  private readonly attempted = new Map<Projection<unknown>, number>()
  private indexTaken: number
  /** The position of the index that was written last: what is taken back comes after it. */
  private indexWritten: number
  /** The rewrites of history, and the events taken back, that are accounted for. */
  private rewrites: number
  private truncations: number

  constructor(private readonly options: SnapshotterOptions) {
    this.indexTaken = options.indexPosition
    this.indexWritten = options.indexPosition
    this.rewrites = options.state.rewrites
    this.truncations = options.state.index.truncations
    for (const { projection, snapshot } of options.image.savable) {
      this.attempted.set(projection, snapshot.position)
    }
  }

  /** Takes a snapshot if one is due. Ask after each seal, and after foreign commits were taken in. */
  maybeSnapshot(): void {
    if (this.writing !== undefined) return
    const started = performance.now()
    if (this.waiting.length === 0 && started >= this.restsUntil) {
      this.take(this.options.everyEvents, INDEX_SHARE)
      const ended = performance.now()
      if (this.waiting.length > 0) this.restsUntil = ended + (ended - started) / TIME_SHARE
    }
    this.writeTaken()
  }

  /** Resolves when no snapshot is being written. */
  async settled(): Promise<void> {
    await this.writing
  }

  /** Takes a last snapshot if it is worth it, and resolves when it is written. Ask after the last seal. */
  async close(): Promise<void> {
    await this.writing
    await this.writeWhatIsHeld()
    this.take(Math.min(WORTH_ON_CLOSE, this.options.everyEvents), INDEX_SHARE_ON_CLOSE)
    await this.writeWhatIsHeld()
  }

  /** Without an index that holds more than the branch: when the log is closed, the rest does not come any more. */
  private async writeWhatIsHeld(): Promise<void> {
    this.waiting = this.waiting.filter((taken) => taken.projection !== undefined || this.isHeld(taken))
    this.writeTaken()
    await this.writing
  }

  private take(everyEvents: number, indexShare: number): void {
    this.forgetWhatIsVoid()
    const indexEvery = Math.max(everyEvents, this.options.state.index.count * indexShare)
    this.waiting = [...this.takeProjections(everyEvents), ...this.takeIndex(indexEvery)]
  }

  private takeProjections(everyEvents: number): Taken[] {
    const { image, store } = this.options
    const taken: Taken[] = []
    for (const { projection, state, position } of image.savable) {
      if (position - (this.attempted.get(projection) ?? 0) < everyEvents) continue
      this.attempted.set(projection, position)
      try {
        const problem = findUnsavable(state)
        if (problem === undefined) {
          taken.push({ projection, snapshot: store.takeProjection(projection, { state, position }) })
        } else image.snapshotFailed(projection, problem)
      } catch (error) {
        this.fail(projection, error)
      }
    }
    return taken
  }

  private takeIndex(everyEvents: number): Taken[] {
    const { store } = this.options
    const { index } = this.options.state
    if (index.count - this.indexTaken < everyEvents) return []
    // Appends on their way to the journal are in it: where one is refused, all of it is void.
    this.indexTaken = index.count
    try {
      return [{ projection: undefined, snapshot: store.takeIndex(index) }]
    } catch (error) {
      this.fail(undefined, error)
      return []
    }
  }

  /**
   * Snapshots from before a rewrite may be void, so all are due. Where appends were refused, that of the index is:
   * projections hold only what is visible, and that is not taken back.
   */
  private forgetWhatIsVoid(): void {
    const { rewrites, index } = this.options.state
    const isRewritten = rewrites !== this.rewrites
    if (isRewritten) {
      this.waiting = []
      this.attempted.clear()
      this.indexWritten = 0
    }
    if (isRewritten || index.truncations !== this.truncations) {
      this.waiting = this.waiting.filter(({ projection }) => projection !== undefined)
      this.indexTaken = this.indexWritten
    }
    this.rewrites = rewrites
    this.truncations = index.truncations
  }

  /** Writes what was taken, once the branch holds all of it. */
  private writeTaken(): void {
    this.forgetWhatIsVoid()
    const { waiting } = this
    if (waiting.length === 0 || !waiting.every((taken) => this.isHeld(taken))) return
    this.waiting = []
    const index = waiting.find(({ projection }) => projection === undefined)
    this.indexWritten = index?.snapshot.header.position ?? this.indexWritten
    this.writing = this.write(waiting, this.options.state.branch.commit).finally(() => {
      this.writing = undefined
    })
  }

  private isHeld({ snapshot }: Taken): boolean {
    return snapshot.header.position <= this.options.state.branch.position
  }

  private async write(taken: readonly Taken[], commit: string): Promise<void> {
    const { image, store } = this.options
    for (const { projection, snapshot } of taken) {
      try {
        await store.write(snapshot, commit)
        if (projection !== undefined) image.snapshotSaved(projection, snapshot.header.position)
      } catch (error) {
        this.fail(projection, error)
      }
    }
  }

  private fail(projection: Projection<unknown> | undefined, cause: unknown): void {
    const error = asError(cause)
    if (projection !== undefined) this.options.image.snapshotFailed(projection, error.message)
    this.options.notify({ kind: 'snapshot-failed', projection: projection?.name ?? '', error })
  }
}
