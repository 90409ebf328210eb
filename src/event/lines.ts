import { isAscii, isUtf8 } from 'node:buffer'
import { canonicaliseLines } from './hand-written-lines.ts'
import { InvalidBatchError } from './invalid-batch.ts'
import {
  DATA,
  ID_KEY,
  type LineTable,
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
 * event never parses it. Lines in another order or with white space, as a person may write them, are
 * brought into the canonical form first.
 */
export class Lines {
  readonly count: number
  private readonly offsets: Uint32Array

  private constructor(
    /** The lines in their canonical form, each ended by LF. */
    readonly text: string,
    table: LineTable,
    private readonly path: string,
  ) {
    this.count = table.count
    this.offsets = table.offsets
  }

  /**
   * @param path names the file in errors
   * @throws InvalidBatchError with file, line and what was expected
   */
  static fromBytes(bytes: Buffer, path: string): Lines {
    return Lines.fromText(decodeUtf8(bytes, path), path)
  }

  /** As `fromBytes`, for lines that are a string already. */
  static fromText(text: string, path: string): Lines {
    const table = scanLines(text)
    if (table !== undefined) return new Lines(text, table, path)
    const canonical = canonicaliseLines(text, path)
    const canonicalTable = scanLines(canonical)
    if (canonicalTable === undefined) {
      throw new InvalidBatchError(
        path,
        1,
        'cannot be read as event lines',
        'lines as docs/format.md describes them',
      )
    }
    return new Lines(canonical, canonicalTable, path)
  }

  /** Roughly the memory it takes, in bytes. */
  get bytes(): number {
    return this.text.length + this.offsets.byteLength
  }

  /** Lines `from` (included) to `to` (excluded), counted from 0, as text. */
  slice(from: number, to: number): string {
    return this.text.slice(this.start(from), this.start(to))
  }

  /** Lines `from` (included) to `to` (excluded), counted from 0. */
  part(from: number, to: number): Lines {
    return Lines.fromText(this.slice(from, to), this.path)
  }

  id(line: number): string {
    return this.string(this.start(line) + ID_KEY.length, this.at(line, STREAM) - STREAM_KEY.length)
  }

  /** The stream's name as a look-up key: it may keep the whole batch alive, so do not store it. */
  streamKey(line: number): string {
    return this.key(this.at(line, STREAM), this.at(line, STREAM_END))
  }

  stream(line: number): string {
    return this.string(this.at(line, STREAM), this.at(line, STREAM_END))
  }

  version(line: number): number {
    return this.at(line, VERSION)
  }

  /** The type as a look-up key: it may keep the whole batch alive, so do not store it. */
  typeKey(line: number): string {
    return this.key(this.at(line, TYPE), this.at(line, TYPE_END))
  }

  type(line: number): string {
    return this.string(this.at(line, TYPE), this.at(line, TYPE_END))
  }

  schema(line: number): number {
    const at = this.at(line, TYPE_END) + 1
    return this.text.startsWith(SCHEMA_KEY, at)
      ? Number.parseInt(this.text.slice(at + SCHEMA_KEY.length, this.at(line, TIME)), 10)
      : 1
  }

  hasTags(line: number): boolean {
    // Between type and time stand schema and tags, both optional; the shortest tags take 12 characters.
    const from = this.at(line, TYPE_END) + 1
    const to = this.at(line, TIME) - TIME_KEY.length
    return to > from && this.text.charCodeAt(to - 1) === 0x5d
  }

  tags(line: number): readonly string[] {
    if (!this.hasTags(line)) return []
    const from = this.text.indexOf('[', this.at(line, TYPE_END) + 1)
    return JSON.parse(this.text.slice(from, this.at(line, TIME) - TIME_KEY.length))
  }

  time(line: number): string {
    const at = this.at(line, TIME)
    return this.string(at, at + TIME_LENGTH)
  }

  timeMs(line: number): number {
    return storedTimeAt(this.text, this.at(line, TIME))
  }

  // `,"metadata":` may also occur inside the data or the metadata, but only at its true place do the texts
  // before and behind it make whole JSON values. A wrong place fails to parse, and the line is parsed whole.

  /** Parses the data of an event, and nothing else of it. @throws InvalidBatchError */
  data(line: number): unknown {
    const body = this.body(line)
    const key = body.lastIndexOf(METADATA_KEY)
    try {
      return JSON.parse(key === -1 ? body : body.slice(0, key))
    } catch {
      return this.parse(line).data
    }
  }

  /** Parses the metadata of an event, and nothing else of it. @throws InvalidBatchError */
  metadata(line: number): Record<string, unknown> {
    const body = this.body(line)
    const key = body.lastIndexOf(METADATA_KEY)
    if (key === -1) return {}
    try {
      return JSON.parse(body.slice(key + METADATA_KEY.length))
    } catch {
      return this.parse(line).metadata ?? {}
    }
  }

  /** The data of an event and what follows it, without the brace that ends the line. */
  private body(line: number): string {
    return this.text.slice(this.at(line, DATA), this.start(line + 1) - 2)
  }

  private parse(line: number): { readonly data: unknown; readonly metadata?: Record<string, unknown> } {
    try {
      return JSON.parse(this.slice(line, line + 1))
    } catch (cause) {
      throw new InvalidBatchError(this.path, line + 1, 'is not JSON', 'one event as JSON', cause)
    }
  }

  /** Mixes all characters of an id into 32 bits, as `hashId` does. */
  idHash(line: number): number {
    const from = this.start(line) + ID_KEY.length
    const to = this.at(line, STREAM) - STREAM_KEY.length
    // Another writer may escape characters that JSON.stringify leaves as they are.
    return this.text.slice(from, to).includes('\\') ? hashId(this.id(line)) : hash(this.text, from, to)
  }

  private start(line: number): number {
    return line === this.count ? this.text.length : this.offsets[line * STRIDE + START]!
  }

  private at(line: number, field: number): number {
    return this.offsets[line * STRIDE + field]!
  }

  private key(from: number, to: number): string {
    const text = this.text.slice(from, to)
    return text.includes('\\') ? JSON.parse(`"${text}"`) : text
  }

  // JSON.parse rather than slice: it undoes escapes, and its result does not keep the whole batch alive.
  private string(from: number, to: number): string {
    return JSON.parse(this.text.slice(from - 1, to + 1))
  }
}

/** FNV-1a over the characters of an id: the index's key for a look-up by id. */
export function hashId(id: string): number {
  if (!NEEDS_ESCAPE.test(id)) return hash(id, 0, id.length)
  const stored = JSON.stringify(id)
  return hash(stored, 1, stored.length - 1)
}

const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/

function hash(text: string, from: number, to: number): number {
  let value = 0x811c9dc5
  for (let at = from; at < to; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

/**
 * A batch file's bytes as text.
 *
 * @param path names the file in the error
 * @throws InvalidBatchError with the line that is not UTF-8
 */
export function decodeUtf8(bytes: Buffer, path: string): string {
  // Latin-1 is a plain copy, and the same as UTF-8 where all bytes are ASCII.
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let line = 1
  for (const part of splitLines(bytes)) {
    if (!isUtf8(part)) break
    line++
  }
  throw new InvalidBatchError(path, line, 'holds bytes that are not UTF-8', 'UTF-8 text')
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
