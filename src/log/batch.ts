import { InvalidBatchError } from '../event/invalid-batch.ts'
import { Lines } from '../event/lines.ts'
import { StoredEvent } from '../event/stored-event.ts'
import type { Run } from './run.ts'

/** So many events are cut out of a batch one by one before all of its lines are scanned. */
const CUT_OUT = 8
/**
 * What a batch of one event takes beside its bytes, lines scanned, as one of 40,000 that were read one after the other:
 * the memory of small buffers is shared, and stays as long as one of them does.
 */
const OVERHEAD = 2048
const LF = 0x0a

/** The bytes of one batch. A stream has few events in each of many batches, so lines are scanned when they are asked for. */
export class Batch implements Run {
  #lines: Lines | undefined
  #cuts = 0

  /** @param path names the file in errors */
  constructor(
    readonly first: number,
    private readonly bytes: Buffer,
    private readonly path: string,
  ) {}

  /** Roughly the memory it takes, in bytes. */
  get size(): number {
    return OVERHEAD + this.bytes.length + (this.#lines?.size ?? 0)
  }

  /** All of its lines. @throws InvalidBatchError */
  get lines(): Lines {
    this.#lines ??= this.scan()
    return this.#lines
  }

  /**
   * How many events it holds, going by its line feeds: whoever reads the events finds out whether its lines are
   * valid. @throws InvalidBatchError where it does not end with a line feed
   */
  get count(): number {
    if (this.#lines !== undefined || this.bytes.at(-1) !== LF) return this.lines.count
    let count = 0
    for (let at = this.bytes.indexOf(LF); at !== -1; at = this.bytes.indexOf(LF, at + 1)) count++
    return count
  }

  /** The event at a position, or undefined where it holds none. @throws InvalidBatchError */
  event(position: number): StoredEvent | undefined {
    const line = position - this.first
    if (line < 0) return undefined
    const cutOut = this.#lines === undefined && this.#cuts++ < CUT_OUT ? this.cutOut(line) : undefined
    if (cutOut !== undefined) return new StoredEvent(position, cutOut, 0)
    return line < this.lines.count ? new StoredEvent(position, this.lines, line) : undefined
  }

  private scan(): Lines {
    const lines = Lines.fromBytes(this.bytes, this.path)
    if (lines.count === 0) throw new InvalidBatchError(this.path, 1, 'is empty', 'one event or more')
    return lines
  }

  /** One line by itself; undefined where it cannot be read so, for an error that names its place in the file. */
  private cutOut(line: number): Lines | undefined {
    let from = 0
    for (let passed = 0; passed < line; passed++) {
      from = this.bytes.indexOf(LF, from) + 1
      if (from === 0) return undefined
    }
    const to = this.bytes.indexOf(LF, from) + 1
    try {
      return to === 0 ? undefined : Lines.fromBytes(this.bytes.subarray(from, to), this.path, line + 1)
    } catch {
      return undefined
    }
  }
}
