import { DuplicateIdError } from '../log/errors.ts'
import type { Log } from '../opened-log.ts'
import type { ImportedEvent } from './import/imported-event.ts'
import { batchesOf, halvesOf, type ImportBatch } from './import-batches.ts'

/** How far an import has come: only what is acknowledged counts. */
export interface ImportExtent {
  readonly events: number
  /** How many more were stored already: recognised by their ids. */
  readonly repeated: number
  /** Of the events that were not. */
  readonly streams: number
  /** Line of the file on which the last of all of them starts. */
  readonly line: number | undefined
  readonly firstPosition: number | undefined
  readonly lastPosition: number | undefined
}

/**
 * Appends events in their order, batch after batch: while one is on its way to the disk the next is read.
 * Stops at the first failure; `extent` then says what is in the log.
 */
export class ImportRun {
  private events = 0
  private repeated = 0
  private line: number | undefined
  private firstPosition: number | undefined
  private lastPosition: number | undefined
  private underWay: ImportBatch | undefined
  private readonly streams = new Set<string>()

  constructor(
    private readonly log: Pick<Log, 'append' | 'status'>,
    private readonly onProgress: (events: number) => void,
  ) {}

  get extent(): ImportExtent {
    const { events, repeated, line, firstPosition, lastPosition, streams } = this
    return { events, repeated, streams: streams.size, line, firstPosition, lastPosition }
  }

  /** The batch whose append failed, if that is what stopped the import. */
  get failed(): ImportBatch | undefined {
    return this.underWay
  }

  /** @throws whatever the source or an append throws, once the append under way has ended */
  async run(events: AsyncIterable<ImportedEvent>, size: number): Promise<void> {
    let underWay: Promise<void> = Promise.resolve()
    const batches = batchesOf(events, size)
    try {
      for (;;) {
        // A refusal is heard of at once: the next batch of a feed may be long in coming.
        const [{ value: batch }] = await Promise.all([batches.next(), underWay])
        if (batch === undefined) break
        underWay = this.append(batch)
        // It is awaited above; until then a failure must not count as unhandled.
        underWay.catch(() => undefined)
      }
    } finally {
      // Not awaited: it may have to wait for the next event itself.
      batches.return(undefined).catch(() => undefined)
      await underWay
    }
  }

  private async append(batch: ImportBatch): Promise<void> {
    this.underWay = batch
    try {
      await this.appendWhole(batch)
    } catch (error) {
      if (!(error instanceof DuplicateIdError) || batch.count === 1) throw error
      // Some of it is stored already, as where the file has grown since: the rest is not.
      for (const half of halvesOf(batch)) await this.append(half)
    }
  }

  private async appendWhole({ appends, count, line }: ImportBatch): Promise<void> {
    const before = this.log.status().positions.journal
    const { firstPosition, position } = await this.log.append(appends)
    this.underWay = undefined
    this.line = line
    // Only what was made before has a place that was taken before.
    if (position <= before) this.repeated += count
    else {
      this.firstPosition ??= firstPosition
      this.lastPosition = position
      this.events += count
      for (const { stream } of appends) this.streams.add(stream)
    }
    this.onProgress(this.events + this.repeated)
  }
}
