import { UsageError } from '../event/errors.ts'
import type { RecordedEvent } from '../event/event.ts'
import { EventNotFoundError, StreamNotFoundError } from '../log/errors.ts'
import type { EventLog } from '../log/event-log.ts'
import { checkReadOptions, LogRewrittenError, type ReadOptions } from '../log/reading.ts'
import { lastOf } from '../log/run.ts'
import { type StreamSummary, streamsAt, versionAt } from '../log/streams.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { Image, type Skipped } from './image.ts'
import { findPosition, type PointInTime } from './point-in-time.ts'
import type { Projection } from './projection.ts'
import type { SnapshotStore } from './snapshot-store.ts'

export type { PointInTime } from './point-in-time.ts'

export interface ImageAtOptions {
  readonly log: EventLog
  readonly reader: GitReader
  readonly snapshots: SnapshotStore
  readonly projections: readonly Projection<unknown>[]
  readonly point: PointInTime
  /** What the projections pass over. */
  readonly skipped: Skipped
  readonly signal?: AbortSignal | undefined
}

/**
 * The projections of a log as they stood at a point in its history: from the nearest snapshot before it,
 * or from the first event.
 *
 * @throws EventNotFoundError, CommitNotFoundError, HistoryChangedError, UsageError
 * @throws LogRewrittenError when the history is rewritten while it is being read
 */
export async function imageAt({
  log,
  reader,
  snapshots,
  projections,
  point,
  skipped,
  signal,
}: ImageAtOptions): Promise<PastImage> {
  const { index, rewrites, branch } = log.state
  const position = await findPosition(point, log.state, reader)
  const image = await Image.open(projections, {
    // A projection that stops here says so to whoever asks for its state.
    notify: () => undefined,
    skipped,
    load: (projection, upTo) =>
      snapshots.loadProjection(projection, branch, reader, Math.min(position, branch.position, upTo)),
  })
  if (image.position < position) {
    for await (const run of log.replay(image.position + 1, position, signal)) {
      if (log.state.rewrites !== rewrites) throw new LogRewrittenError()
      image.onRun(run, index)
      if (lastOf(run) >= position) break
    }
  }
  if (log.state.rewrites !== rewrites) throw new LogRewrittenError()
  return new PastImage(position, log, image)
}

/** A log and its projections as they stood at a position. Made by `log.at`; what is appended later is not in it. */
export class PastImage {
  private readonly rewrites: number

  constructor(
    /** The last position it takes in; 0 before the first event. */
    readonly position: number,
    private readonly log: EventLog,
    private readonly image: Image,
  ) {
    this.rewrites = log.state.rewrites
  }

  /**
   * The state of a projection, as it is in memory: read it, do not change it.
   *
   * @throws UnknownProjectionError, ProjectionStoppedError
   */
  state<State>(projection: Projection<State>, options: { readonly evenIfStopped?: boolean } = {}): State {
    return this.image.state(projection, options)
  }

  /** Reads as the log does, up to the position. There is nothing to follow. @throws StreamNotFoundError, UsageError */
  read(options: ReadOptions = {}): AsyncGenerator<RecordedEvent> {
    this.checkHistory()
    checkReadOptions(options)
    const { stream, ifMissing, direction, follow } = options
    if (follow === true) throw new UsageError('the past cannot be followed', { hint: 'Read from the log.' })
    const last = stream === undefined ? this.position : versionAt(this.log.state.index, stream, this.position)
    if (stream !== undefined && last === 0 && ifMissing === 'error') throw new StreamNotFoundError(stream)
    const end = direction === 'backwards' ? 'from' : 'to'
    return this.unlessRewritten(this.log.read({ ...options, [end]: Math.min(options[end] ?? last, last) }))
  }

  /** @throws EventNotFoundError */
  async event(position: number): Promise<RecordedEvent> {
    this.checkHistory()
    if (position > this.position) throw new EventNotFoundError(position, this.position)
    return this.log.event(position)
  }

  /** The streams that there were, in the order in which they first appeared. */
  streams(options?: { readonly prefix?: string }): StreamSummary[] {
    this.checkHistory()
    return streamsAt(this.log.state.index, this.position, options)
  }

  /** The read of the log takes the history that there is when the first event is asked for. */
  private async *unlessRewritten(events: AsyncGenerator<RecordedEvent>): AsyncGenerator<RecordedEvent> {
    this.checkHistory()
    yield* events
  }

  /** The states are as they were, but the events of a rewritten history are gone. */
  private checkHistory(): void {
    if (this.log.state.rewrites !== this.rewrites) throw new LogRewrittenError()
  }
}
