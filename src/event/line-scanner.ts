import { hashByte, NAME_START, NOT_HASHED, nameHash } from './name-hash.ts'

// Numbers kept for each line, so that whoever needs a field finds it without scanning again: where it stands …
export const START = 0
export const STREAM = 1
export const STREAM_END = 2
export const TYPE = 3
export const TYPE_END = 4
export const TIME = 5
export const DATA = 6
/** Of the last `,"metadata":{` behind the data, which as a rule is the event's own; 0 without one. */
export const METADATA = 7
// … or what it is. A hash is NOT_HASHED where a name has to be read as a string first.
export const VERSION = 8
export const STREAM_HASH = 9
export const TYPE_HASH = 10
export const STRIDE = 11

/** Where there are more lines than are likely by so much, their table grows. */
const MARGIN = 1.1
/** None in the canonical form has fewer bytes. */
const SHORTEST_LINE = 80
export const QUOTE = 0x22
export const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09
const LF = 0x0a
const ZERO = 0x30
const Z = 0x5a

/** Text that stands at its place in each line: compared four bytes at a time. */
class Key {
  readonly length: number
  private readonly words: readonly number[]
  private readonly places: readonly number[]

  constructor(text: string) {
    const bytes = Buffer.from(text)
    this.length = bytes.length
    // The last four bytes overlap with those before them.
    this.places = Array.from({ length: Math.ceil(text.length / 4) }, (_, at) =>
      Math.min(at * 4, bytes.length - 4),
    )
    this.words = this.places.map((place) => bytes.readInt32LE(place))
  }

  standsAt(view: DataView, at: number): boolean {
    const { words, places } = this
    if (at + this.length > view.byteLength) return false
    for (let index = 0; index < words.length; index++) {
      if (view.getInt32(at + places[index]!, true) !== words[index]) return false
    }
    return true
  }
}

export const ID_KEY = new Key('{"id":"')
export const STREAM_KEY = new Key('","stream":"')
const VERSION_KEY = new Key('","version":')
const TYPE_KEY = new Key(',"type":"')
export const SCHEMA_KEY = new Key(',"schema":')
const TAGS_KEY = new Key(',"tags":["')
export const TIME_KEY = new Key(',"time":"')
const DATA_KEY = new Key('","data":')
export const METADATA_KEY = new Key(',"metadata":')
const METADATA_NAME = new Key('"metadata":')
export const TIME_LENGTH = 24

/** What is known of each line: `STRIDE` numbers. */
export interface LineTable {
  readonly numbers: Uint32Array
  readonly count: number
}

/** Finds the fields of lines in their canonical form, or undefined where a line is not in it. */
export function scanLines(bytes: Uint8Array, view: DataView): LineTable | undefined {
  let numbers = new Uint32Array(likelyCount(bytes) * STRIDE)
  let slot = 0
  for (let at = 0; at < bytes.length; slot += STRIDE) {
    if (slot === numbers.length) numbers = twiceAsLong(numbers)
    at = scanLine(bytes, view, at, numbers, slot)
    if (at === -1) return undefined
  }
  const isNearlyFull = slot > numbers.length / 2
  return { numbers: isNearlyFull ? numbers.subarray(0, slot) : numbers.slice(0, slot), count: slot / STRIDE }
}

/** How many lines there are if the others are about as long as the first. To use memory for the first time is most of the cost of the table. */
function likelyCount(bytes: Uint8Array): number {
  const first = Math.max(SHORTEST_LINE, bytes.indexOf(LF))
  return Math.ceil((bytes.length / first) * MARGIN)
}

function twiceAsLong(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(numbers.length * 2)
  longer.set(numbers)
  return longer
}

/**
 * Finds the fields of the line that begins at a place; returns where the next one begins, or -1.
 *
 * A function of its own and not the body of the loop: a loop that is compiled while it runs is given up
 * when it ends, so that each batch at the start of a process would be scanned by slow code.
 */
function scanLine(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  numbers: Uint32Array,
  slot: number,
): number {
  if (!ID_KEY.standsAt(view, start)) return -1
  const idEnd = idEndFrom(bytes, view, start + ID_KEY.length)
  if (!STREAM_KEY.standsAt(view, idEnd)) return -1
  const stream = idEnd + STREAM_KEY.length
  const streamEnd = scanName(bytes, stream, numbers, slot + STREAM_HASH)
  if (!VERSION_KEY.standsAt(view, streamEnd)) return -1

  let next = streamEnd + VERSION_KEY.length
  let version = 0
  for (let digit = bytes[next]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++next]! - ZERO) {
    version = version * 10 + digit
  }
  if (version < 1 || version > 0xffffffff || !TYPE_KEY.standsAt(view, next)) return -1
  const type = next + TYPE_KEY.length
  const typeEnd = scanName(bytes, type, numbers, slot + TYPE_HASH)

  next = typeEnd + 1
  if (!TIME_KEY.standsAt(view, next)) {
    next = skipOptionalFields(bytes, view, next)
    if (next === -1) return -1
  }
  const time = next + TIME_KEY.length
  const data = time + TIME_LENGTH + DATA_KEY.length
  if (bytes[time + TIME_LENGTH - 1] !== Z || !DATA_KEY.standsAt(view, time + TIME_LENGTH)) return -1
  const found = findEnd(bytes, view, data, numbers, slot + METADATA)
  const end = Math.abs(found)
  if (found === -1 || bytes[end - 1] !== CLOSE_BRACE) return -1
  const mayHoldMore = found < 0 || bytes[end - 2] !== CLOSE_BRACE
  if (mayHoldMore && holdsMore(view, start, end, numbers[slot + METADATA]! > 0)) return -1

  numbers[slot + START] = start
  numbers[slot + STREAM] = stream
  numbers[slot + STREAM_END] = streamEnd
  numbers[slot + TYPE] = type
  numbers[slot + TYPE_END] = typeEnd
  numbers[slot + TIME] = time
  numbers[slot + DATA] = data
  numbers[slot + VERSION] = version
  return end + 1
}

/** Steps over `schema` and `tags`; returns where `time` begins, or -1. */
function skipOptionalFields(bytes: Uint8Array, view: DataView, from: number): number {
  let at = from
  if (SCHEMA_KEY.standsAt(view, at)) {
    at += SCHEMA_KEY.length
    while (bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9) at++
  }
  if (TAGS_KEY.standsAt(view, at)) {
    at = stringEnd(bytes, at + TAGS_KEY.length) + 1
    while (bytes[at] === COMMA && bytes[at + 1] === QUOTE) at = stringEnd(bytes, at + 2) + 1
    if (bytes[at++] !== CLOSE_BRACKET) return -1
  }
  return TIME_KEY.standsAt(view, at) ? at : -1
}

/** Finds the end of an id, as `stringEnd` does, four bytes at a time. */
function idEndFrom(bytes: Uint8Array, view: DataView, from: number): number {
  let at = from
  for (const last = view.byteLength - 4; at <= last; at += 4) {
    const word = view.getInt32(at, true)
    if (holds(word, QUOTE) || holds(word, BACKSLASH) || holds(word, LF)) break
  }
  return stringEnd(bytes, at)
}

/** Finds the end of a name, as `stringEnd` does, and hashes it on the way. */
function scanName(bytes: Uint8Array, from: number, numbers: Uint32Array, slot: number): number {
  let hash = NAME_START
  let at = from
  for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[++at]!) {
    if (byte >= 0x80 || byte === BACKSLASH || byte === LF || at >= bytes.length) {
      numbers[slot] = NOT_HASHED
      return stringEnd(bytes, at)
    }
    hash = hashByte(hash, byte)
  }
  numbers[slot] = nameHash(hash)
  return at
}

/** Where the string that begins at `from`, or goes on there, ends: the place of its closing quote, or of the line's end. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from
  for (let byte = bytes[at]; byte !== QUOTE && byte !== LF && at < bytes.length; byte = bytes[at]) {
    at += byte === BACKSLASH ? 2 : 1
  }
  return at
}

/**
 * Where the line feed stands that ends a line, from its data on; -1 without one, and where another event begins
 * on the line. Finds the metadata on the way. In a string the quotes of either would be escaped.
 *
 * Less than -1, and the place but for its sign, where the data or the metadata may have been written by a person: one
 * comes after what does not end as an object does, or behind white space.
 */
function findEnd(
  bytes: Uint8Array,
  view: DataView,
  data: number,
  numbers: Uint32Array,
  slot: number,
): number {
  let sign = 1
  const last = view.byteLength - 4
  for (let next = data; next < view.byteLength; next += 4) {
    // The last four bytes overlap with those before them: code for the end of a batch alone would not be compiled with the rest.
    const at = Math.min(next, last)
    const word = view.getInt32(at, true)
    if (!holds(word, LF) && !holds(word, OPEN_BRACE)) continue
    for (let place = at; place < at + 4; place++) {
      if (bytes[place] === LF) return place * sign
      if (bytes[place] !== OPEN_BRACE) continue
      if (bytes[place - 1] === CLOSE_BRACE && ID_KEY.standsAt(view, place)) return -1
      const key = place - METADATA_KEY.length
      if (key > data && METADATA_KEY.standsAt(view, key)) numbers[slot] = key
      if (mayBeHandWritten(bytes, view, place)) sign = -1
    }
  }
  return -1
}

/** Whether the brace at a place stands behind white space, or begins metadata that come after no object or behind white space. */
function mayBeHandWritten(bytes: Uint8Array, view: DataView, brace: number): boolean {
  const before = bytes[brace - 1]!
  const key = brace - METADATA_KEY.length
  if (before !== COLON || !METADATA_NAME.standsAt(view, key + 1)) return isSpace(before)
  return bytes[key] === COMMA ? bytes[key - 1] !== CLOSE_BRACE : isSpace(bytes[key]!)
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB
}

/** Whether behind the data of a line stands what was not found: schema or tags, as a person may write them, or metadata. */
function holdsMore(view: DataView, start: number, end: number, hasMetadata: boolean): boolean {
  try {
    const line = Buffer.from(view.buffer, view.byteOffset + start, end - start).toString()
    const event: Readonly<Record<string, unknown>> = JSON.parse(line)
    const fields = Object.keys(event)
    const late = fields.slice(fields.indexOf('data') + 1)
    return late.includes('schema') || late.includes('tags') || (late.includes('metadata') && !hasMetadata)
  } catch {
    // Whoever reads the event finds out.
    return false
  }
}

/** Whether one of four bytes is this one: where that makes zero of it, taking 1 from each borrows there first. */
export function holds(word: number, byte: number): boolean {
  const zeroed = word ^ (byte * 0x01010101)
  return ((zeroed - 0x01010101) & ~zeroed & 0x80808080) !== 0
}
