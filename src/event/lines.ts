import { isAscii, isUtf8 } from 'node:buffer'
import { canonicaliseLines } from './hand-written-lines.ts'
import { hashId, hashStoredId } from './id-hash.ts'
import { InvalidBatchError } from './invalid-batch.ts'
import {
  DATA,
  ID_KEY,
  METADATA,
  METADATA_KEY,
  SCHEMA_KEY,
  START,
  STREAM,
  STREAM_END,
  STREAM_KEY,
  STRIDE,
  scanLines,
  TIME,
  TIME_KEY,
  TIME_LENGTH,
  TYPE,
  TYPE_END,
  VERSION,
} from './line-scanner.ts'
import { storedTimeAt } from './time.ts'

/**
 * The events of one batch as their stored JSON lines, with the place of each field.
 *
 * The keys of a line stand in a fixed order (docs/format.md), so stream, version, type and time are found
 * by position: `data` is parsed when it is touched, `metadata` likewise, and a scan that does not need an
 * event never makes a string of it. Lines in another order or with white space, as a person may write them,
 * are brought into the canonical form first.
 */
export class Lines {
  /** The time that was read last, and where it stands; at first one that no line has. */
  private lastTime = { at: -TIME_LENGTH, ms: Number.NaN }

  private constructor(
    /** UTF-8 that holds the lines in their canonical form, each ended by LF, and perhaps more. */
    readonly bytes: Buffer,
    private readonly view: DataView,
    /** What `scanLines` found. */
    private readonly numbers: Uint32Array,
    readonly count: number,
    /** Where the last line ends. */
    private readonly end: number,
    /** Latin-1 is a plain copy, and the same as UTF-8 where all bytes are ASCII. */
    private readonly encoding: 'latin1' | 'utf8',
    private readonly path: string,
    /** Which line of the file its first one is, from 1. */
    private readonly firstLine: number,
  ) {}

  /**
   * @param path names the file in errors
   * @param firstLine which of its lines the first one is, from 1
   * @throws InvalidBatchError with file, line and what was expected
   */
  static fromBytes(bytes: Buffer, path: string, firstLine = 1): Lines {
    const encoding = isAscii(bytes) ? 'latin1' : 'utf8'
    if (encoding === 'utf8' && !isUtf8(bytes)) throw notUtf8(bytes, path)
    const found = Lines.scan(bytes, encoding, path, firstLine)
    if (found !== undefined) return found
    const canonical = Buffer.from(canonicaliseLines(bytes.toString(encoding), path))
    const canonicalised = Lines.scan(canonical, 'utf8', path, firstLine)
    if (canonicalised !== undefined) return canonicalised
    const expected = 'lines as docs/format.md describes them'
    throw new InvalidBatchError(path, 1, 'cannot be read as event lines', expected)
  }

  /** Undefined unless the lines stand in their canonical form. */
  private static scan(
    bytes: Buffer,
    encoding: 'latin1' | 'utf8',
    path: string,
    firstLine: number,
  ): Lines | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const table = scanLines(bytes, view)
    return (
      table && new Lines(bytes, view, table.numbers, table.count, bytes.length, encoding, path, firstLine)
    )
  }

  /** Roughly the memory it takes, in bytes. */
  get size(): number {
    return this.bytes.length + this.numbers.byteLength
  }

  get text(): string {
    return this.slice(0, this.count)
  }

  /** Lines `from` (included) to `to` (excluded), counted from 0, as text. */
  slice(from: number, to: number): string {
    return this.decode(this.start(from), this.start(to))
  }

  /** Lines `from` (included) to `to` (excluded), counted from 0: a view on the same bytes. */
  part(from: number, to: number): Lines {
    const numbers = this.numbers.subarray(from * STRIDE, to * STRIDE)
    const { bytes, view, encoding, path } = this
    return new Lines(bytes, view, numbers, to - from, this.start(to), encoding, path, this.firstLine + from)
  }

  id(line: number): string {
    return this.name(line, this.start(line) + ID_KEY.length, this.idEnd(line))
  }

  stream(line: number): string {
    return this.name(line, this.at(line, STREAM), this.at(line, STREAM_END))
  }

  version(line: number): number {
    return this.at(line, VERSION)
  }

  type(line: number): string {
    return this.name(line, this.at(line, TYPE), this.at(line, TYPE_END))
  }

  schema(line: number): number {
    const at = this.at(line, TYPE_END) + 1
    return SCHEMA_KEY.standsAt(this.view, at)
      ? Number.parseInt(this.decode(at + SCHEMA_KEY.length, this.at(line, TIME)), 10)
      : 1
  }

  hasTags(line: number): boolean {
    // Between type and time stand schema and tags, both optional.
    return this.bytes[this.at(line, TIME) - TIME_KEY.length - 1] === CLOSE_BRACKET
  }

  tags(line: number): readonly string[] {
    if (!this.hasTags(line)) return []
    const from = this.bytes.indexOf('[', this.at(line, TYPE_END) + 1)
    return this.parseField(line, this.decode(from, this.at(line, TIME) - TIME_KEY.length))
  }

  time(line: number): string {
    const at = this.at(line, TIME)
    return this.decode(at, at + TIME_LENGTH)
  }

  /** When an event was recorded, in milliseconds. The events of an append have the same time: it is read once. */
  timeMs(line: number): number {
    const at = this.at(line, TIME)
    if (!this.isLastTime(at)) this.lastTime = { at, ms: storedTimeAt(this.bytes, at) }
    return this.lastTime.ms
  }

  private isLastTime(at: number): boolean {
    const { view } = this
    const last = this.lastTime.at
    if (last < 0) return false
    // From the end on, where times that differ do so.
    for (let index = TIME_LENGTH - 4; index >= 0; index -= 4) {
      if (view.getInt32(last + index) !== view.getInt32(at + index)) return false
    }
    return true
  }

  // What was found as the metadata may also stand inside the data or the metadata, but only at its true place do the
  // texts before and behind it make whole JSON values. A wrong place fails to parse, and the line is parsed whole.

  /** Parses the data of an event, and nothing else of it. @throws InvalidBatchError */
  data(line: number): unknown {
    try {
      return JSON.parse(this.decode(this.at(line, DATA), this.at(line, METADATA) || this.bodyEnd(line)))
    } catch {
      return this.parse(line).data
    }
  }

  /** Parses the metadata of an event, and nothing else of it. @throws InvalidBatchError */
  metadata(line: number): Record<string, unknown> {
    const key = this.at(line, METADATA)
    if (key === 0) return {}
    try {
      return JSON.parse(this.decode(key + METADATA_KEY.length, this.bodyEnd(line)))
    } catch {
      return this.parse(line).metadata ?? {}
    }
  }

  /** Where the brace stands that ends a line. */
  private bodyEnd(line: number): number {
    return this.start(line + 1) - 2
  }

  private parse(line: number): { readonly data: unknown; readonly metadata?: Record<string, unknown> } {
    return this.parseField(line, this.slice(line, line + 1))
  }

  /** Mixes all bytes of an id into 32 bits, as `hashId` does. */
  idHash(line: number, key: number): number {
    const from = this.start(line) + ID_KEY.length
    // Another writer may escape characters that JSON.stringify leaves as they are.
    return hashStoredId(this.bytes, this.view, from, this.idEnd(line), key) || hashId(this.id(line), key)
  }

  private idEnd(line: number): number {
    return this.at(line, STREAM) - STREAM_KEY.length
  }

  /** One of the numbers that are known of a line: START, STREAM … of line-scanner.ts. */
  at(line: number, field: number): number {
    return this.numbers[line * STRIDE + field]!
  }

  private start(line: number): number {
    return line === this.count ? this.end : this.numbers[line * STRIDE + START]!
  }

  private name(line: number, from: number, to: number): string {
    const text = this.decode(from, to)
    return text.includes('\\') ? this.parseField(line, `"${text}"`) : text
  }

  private parseField<T>(line: number, text: string): T {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new InvalidBatchError(this.path, this.firstLine + line, 'is not JSON', 'one event as JSON', cause)
    }
  }

  private decode(from: number, to: number): string {
    return this.bytes.toString(this.encoding, from, to)
  }
}

const CLOSE_BRACKET = 0x5d

/**
 * A batch file's bytes as text.
 *
 * @param path names the file in the error
 * @throws InvalidBatchError with the line that is not UTF-8
 */
export function decodeUtf8(bytes: Buffer, path: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw notUtf8(bytes, path)
}

function notUtf8(bytes: Buffer, path: string): InvalidBatchError {
  let line = 1
  for (const part of splitLines(bytes)) {
    if (!isUtf8(part)) break
    line++
  }
  return new InvalidBatchError(path, line, 'holds bytes that are not UTF-8', 'UTF-8 text')
}

function* splitLines(bytes: Buffer): Generator<Buffer> {
  let from = 0
  while (from < bytes.length) {
    const end = bytes.indexOf(0x0a, from)
    const to = end === -1 ? bytes.length : end
    yield bytes.subarray(from, to)
    from = to + 1
  }
}
