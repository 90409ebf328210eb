// Offsets kept for each line, so that whoever needs a field finds it without scanning again.
export const START = 0
export const STREAM = 1
export const STREAM_END = 2
export const VERSION = 3
export const TYPE = 4
export const TYPE_END = 5
export const TIME = 6
export const DATA = 7
export const STRIDE = 8

// `{"id":"i","stream":"s","version":1,"type":"t","time":"2026-11-23T05:21:48.123Z","data":0}` and LF.
const SHORTEST_LINE = 88
const QUOTE = 0x22
const BACKSLASH = 0x5c
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const LF = 0x0a
const ZERO = 0x30
const Z = 0x5a

export const ID_KEY = Buffer.from('{"id":"')
export const STREAM_KEY = Buffer.from('","stream":"')
const VERSION_KEY = Buffer.from('","version":')
const TYPE_KEY = Buffer.from(',"type":"')
export const SCHEMA_KEY = Buffer.from(',"schema":')
const TAGS_KEY = Buffer.from(',"tags":["')
export const TIME_KEY = Buffer.from(',"time":"')
const DATA_KEY = Buffer.from('","data":')
const TWO_EVENTS = Buffer.from('}{"id":"')
export const TIME_LENGTH = 24

/** Where the fields of each line stand: `STRIDE` numbers a line. */
export interface LineTable {
  readonly offsets: Uint32Array
  readonly count: number
}

/** Finds the fields of lines in their canonical form, or undefined where a line is not in it. */
export function scanLines(bytes: Buffer): LineTable | undefined {
  const { length } = bytes
  // The sign of two events on one line. In a string its quotes would be escaped; as data it is looked at closely.
  if (bytes.includes(TWO_EVENTS)) return undefined
  const offsets = new Uint32Array((Math.floor(length / SHORTEST_LINE) + 1) * STRIDE)
  let slot = 0
  for (let at = 0; at < length; slot += STRIDE) {
    if (slot + STRIDE > offsets.length) return undefined
    at = scanLine(bytes, at, offsets, slot)
    if (at === -1) return undefined
  }
  return { offsets: offsets.slice(0, slot), count: slot / STRIDE }
}

/**
 * Finds the fields of the line that begins at a place; returns where the next one begins, or -1.
 *
 * A function of its own and not the body of the loop: a loop that is compiled while it runs is given up
 * when it ends, so that each batch at the start of a process would be scanned by slow code.
 */
function scanLine(bytes: Buffer, start: number, offsets: Uint32Array, slot: number): number {
  if (!standsAt(bytes, start, ID_KEY)) return -1
  const idEnd = stringEnd(bytes, start + ID_KEY.length)
  if (!standsAt(bytes, idEnd, STREAM_KEY)) return -1
  const stream = idEnd + STREAM_KEY.length
  const streamEnd = stringEnd(bytes, stream)
  if (!standsAt(bytes, streamEnd, VERSION_KEY)) return -1

  let next = streamEnd + VERSION_KEY.length
  let version = 0
  for (let digit = bytes[next]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++next]! - ZERO) {
    version = version * 10 + digit
  }
  if (version < 1 || version > 0xffffffff || !standsAt(bytes, next, TYPE_KEY)) return -1
  const type = next + TYPE_KEY.length
  const typeEnd = stringEnd(bytes, type)

  next = typeEnd + 1
  if (!standsAt(bytes, next, TIME_KEY)) {
    next = skipOptionalFields(bytes, next)
    if (next === -1) return -1
  }
  const time = next + TIME_KEY.length
  const data = time + TIME_LENGTH + DATA_KEY.length
  if (bytes[time + TIME_LENGTH - 1] !== Z || !standsAt(bytes, time + TIME_LENGTH, DATA_KEY)) return -1
  // The longest way, and the one part that a call of native code walks faster.
  const end = bytes.indexOf(LF, data)
  if (end === -1 || bytes[end - 1] !== CLOSE_BRACE) return -1

  offsets[slot + START] = start
  offsets[slot + STREAM] = stream
  offsets[slot + STREAM_END] = streamEnd
  offsets[slot + VERSION] = version
  offsets[slot + TYPE] = type
  offsets[slot + TYPE_END] = typeEnd
  offsets[slot + TIME] = time
  offsets[slot + DATA] = data
  return end + 1
}

/** Whether these bytes stand at a place. */
export function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  const { length } = wanted
  if (at + length > bytes.length) return false
  for (let index = 0; index < length; index++) if (bytes[at + index] !== wanted[index]) return false
  return true
}

/** Steps over `schema` and `tags`; returns where `time` begins, or -1. */
function skipOptionalFields(bytes: Uint8Array, from: number): number {
  let at = from
  if (standsAt(bytes, at, SCHEMA_KEY)) {
    at += SCHEMA_KEY.length
    while (bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9) at++
  }
  if (standsAt(bytes, at, TAGS_KEY)) {
    at = stringEnd(bytes, at + TAGS_KEY.length) + 1
    while (bytes[at] === COMMA && bytes[at + 1] === QUOTE) at = stringEnd(bytes, at + 2) + 1
    if (bytes[at++] !== CLOSE_BRACKET) return -1
  }
  return standsAt(bytes, at, TIME_KEY) ? at : -1
}

/** Where the string that begins at `from` ends: the place of its closing quote, or of the line's end. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from
  for (let byte = bytes[at]; byte !== QUOTE && byte !== LF && at < bytes.length; byte = bytes[at]) {
    at += byte === BACKSLASH ? 2 : 1
  }
  return at
}
