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
const COMMA = 0x2c

export const ID_KEY = '{"id":"'
export const STREAM_KEY = '","stream":"'
const VERSION_KEY = '","version":'
const TYPE_KEY = ',"type":"'
export const SCHEMA_KEY = ',"schema":'
const TAGS_KEY = ',"tags":["'
export const TIME_KEY = ',"time":"'
const DATA_KEY = '","data":'
export const METADATA_KEY = ',"metadata":'
export const TIME_LENGTH = 24

/** Where the fields of each line stand: `STRIDE` numbers a line. */
export interface LineTable {
  readonly offsets: Uint32Array
  readonly count: number
}

/** Finds the fields of lines in their canonical form, or undefined where a line is not in it. */
export function scanLines(text: string): LineTable | undefined {
  // The sign of two events on one line. In a string its quotes would be escaped; as data it is looked at closely.
  if (text.includes('}{"id":"')) return undefined
  const offsets = new Uint32Array((Math.floor(text.length / SHORTEST_LINE) + 1) * STRIDE)
  let at = 0
  let slot = 0
  let count = 0
  while (at < text.length) {
    if (slot + STRIDE > offsets.length) return undefined
    if (!text.startsWith(ID_KEY, at)) return undefined
    const idEnd = stringEnd(text, at + ID_KEY.length)
    if (!text.startsWith(STREAM_KEY, idEnd)) return undefined
    const stream = idEnd + STREAM_KEY.length
    const streamEnd = stringEnd(text, stream)
    if (!text.startsWith(VERSION_KEY, streamEnd)) return undefined

    let next = streamEnd + VERSION_KEY.length
    let version = 0
    for (
      let digit = text.charCodeAt(next) - 48;
      digit >= 0 && digit <= 9;
      digit = text.charCodeAt(++next) - 48
    ) {
      version = version * 10 + digit
    }
    if (version < 1 || version > 0xffffffff || !text.startsWith(TYPE_KEY, next)) return undefined
    const type = next + TYPE_KEY.length
    const typeEnd = stringEnd(text, type)

    next = typeEnd + 1
    if (!text.startsWith(TIME_KEY, next)) {
      next = skipOptionalFields(text, next)
      if (next === -1) return undefined
    }
    const time = next + TIME_KEY.length
    const data = time + TIME_LENGTH + DATA_KEY.length
    if (text.charCodeAt(time + 23) !== 0x5a || !text.startsWith(DATA_KEY, time + TIME_LENGTH))
      return undefined
    const end = text.indexOf('\n', data)
    if (end === -1 || text.charCodeAt(end - 1) !== CLOSE_BRACE) return undefined

    offsets[slot + START] = at
    offsets[slot + STREAM] = stream
    offsets[slot + STREAM_END] = streamEnd
    offsets[slot + VERSION] = version
    offsets[slot + TYPE] = type
    offsets[slot + TYPE_END] = typeEnd
    offsets[slot + TIME] = time
    offsets[slot + DATA] = data
    slot += STRIDE
    count++
    at = end + 1
  }
  return { offsets: offsets.slice(0, slot), count }
}

/** Steps over `schema` and `tags`; returns where `time` begins, or -1. */
function skipOptionalFields(text: string, from: number): number {
  let at = from
  if (text.startsWith(SCHEMA_KEY, at)) {
    at += SCHEMA_KEY.length
    while (text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++
  }
  if (text.startsWith(TAGS_KEY, at)) {
    at = stringEnd(text, at + TAGS_KEY.length) + 1
    while (text.charCodeAt(at) === COMMA && text.charCodeAt(at + 1) === QUOTE)
      at = stringEnd(text, at + 2) + 1
    if (text.charCodeAt(at++) !== 0x5d) return -1
  }
  return text.startsWith(TIME_KEY, at) ? at : -1
}

/** Where the string that begins at `from` ends: the place of its closing quote. */
function stringEnd(text: string, from: number): number {
  let end = text.indexOf('"', from)
  while (end !== -1 && isEscaped(text, end, from)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, quote: number, from: number): boolean {
  let at = quote - 1
  while (at >= from && text.charCodeAt(at) === BACKSLASH) at--
  return (quote - at) % 2 === 0
}
