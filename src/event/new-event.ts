import { EventTooLargeError, InvalidEventError, InvalidStreamError } from './errors.ts'
import type { Metadata, NewEvent } from './event.ts'
import { checkJsonValue } from './json-value.ts'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime } from './time.ts'

/** An event that was checked, and encoded for the place in the log that it will get if nothing comes in between. */
export interface PreparedEvent {
  readonly id: string
  /** Whether the caller chose the id, which makes a retry recognisable. */
  readonly hasGivenId: boolean
  readonly type: string
  readonly tags: readonly string[]
  /** The given time in milliseconds, or undefined to take the clock's. */
  readonly timeMs: number | undefined
  /** The version and the time that its line was encoded with. */
  readonly version: number
  readonly time: string
  /** The stored line at that place, without its LF. */
  readonly line: string
}

/** Where the events of an append will stand if nothing comes in between. */
export interface LikelyPlace {
  /** Version of the first event. */
  readonly version: number
  readonly timeMs: number
}

const MAX_NAME = 200
const MAX_TAGS = 100
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Checks events and encodes them. Pure but for `newId`.
 *
 * @param stream   their stream; checked by `checkStreamName`
 * @param limit    the most bytes a stored line may take
 * @param likely   where they will probably stand: a wrong guess costs a little time, and nothing else
 * @throws InvalidStreamError, InvalidEventError, InvalidDataError, EventTooLargeError
 */
export function prepareEvents(
  stream: string,
  events: readonly NewEvent[],
  limit: number,
  newId: () => string,
  likely: LikelyPlace = { version: 1, timeMs: 0 },
): PreparedEvent[] {
  checkStreamName(stream)
  if (!Array.isArray(events) || events.length === 0) {
    throw new InvalidEventError(undefined, 'events', 'must be a list of at least one event', {
      hint: 'Call append(stream, [{ type: "SomethingHappened", data: {} }]).',
    })
  }
  return events.map((event, index) => prepareEvent(stream, event, index, limit, newId, likely))
}

/** @throws InvalidStreamError unless it has 1 to 200 characters, none of them a control character */
function checkStreamName(stream: string): void {
  const problem = nameProblem(stream)
  if (problem !== undefined) throw new InvalidStreamError(problem)
}

function prepareEvent(
  stream: string,
  event: NewEvent,
  index: number,
  limit: number,
  newId: () => string,
  likely: LikelyPlace,
): PreparedEvent {
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventError(index, 'event', 'must be an object with a type')
  }
  const { type, schema = 1, tags = NO_TAGS, data = {} } = event
  checkName(type, index, 'type')
  if (!Number.isSafeInteger(schema) || schema < 1) {
    throw new InvalidEventError(index, 'schema', 'must be a whole number from 1')
  }
  checkTags(tags, index)
  const hasGivenId = event.id !== undefined
  if (hasGivenId) checkName(event.id, index, 'id')
  const id = event.id ?? newId()
  checkJsonValue(data, 'data')
  const timeMs = event.time === undefined ? undefined : givenTime(event.time, index)
  const time = formatTime(timeMs ?? likely.timeMs)
  const version = likely.version + index
  // Encoded in one call, whose keys stand in the order of the format; undefined ones are left out.
  const line = JSON.stringify({
    id,
    stream,
    version,
    type,
    schema: schema === 1 ? undefined : schema,
    tags: tags.length === 0 ? undefined : tags,
    time,
    data,
    metadata: storedMetadata(event.metadata, index),
  })
  // A character takes at most three bytes, so most events need no exact count.
  if (line.length * 3 > limit) {
    const bytes = Buffer.byteLength(line) + LONGEST_VERSION
    if (bytes > limit) throw new EventTooLargeError(index, bytes, limit)
  }
  return { id, hasGivenId, type, tags, timeMs, version, time, line }
}

const NO_TAGS: readonly string[] = []

/** Its version may have so many digits more than the one it was encoded with, and an LF comes on top. */
const LONGEST_VERSION = 16

/** The stored line of a prepared event at its place, with its LF. */
export function encodeLine(event: PreparedEvent, version: number, time: string): string {
  const { line } = event
  if (version === event.version && time === event.time) return `${line}\n`
  // In a JSON string every quote is escaped, so these keys are found nowhere before their true place.
  const versionAt = line.indexOf(VERSION_KEY) + VERSION_KEY.length
  const typeAt = line.indexOf(TYPE_KEY, versionAt)
  const timeAt = line.indexOf(TIME_KEY, typeAt) + TIME_KEY.length
  const afterTime = line.slice(timeAt + time.length)
  return `${line.slice(0, versionAt)}${version}${line.slice(typeAt, timeAt)}${time}${afterTime}\n`
}

const VERSION_KEY = ',"version":'
const TYPE_KEY = ',"type":'
const TIME_KEY = ',"time":"'

/** The metadata to store; undefined where there is nothing in it. */
function storedMetadata(metadata: Metadata | undefined, index: number): Metadata | undefined {
  if (metadata === undefined) return undefined
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidEventError(index, 'metadata', 'must be an object')
  }
  for (const field of STRING_FIELDS) {
    const value: unknown = metadata[field]
    if (value !== undefined && typeof value !== 'string') {
      throw new InvalidEventError(index, `metadata.${field}`, 'must be a string')
    }
  }
  checkJsonValue(metadata, 'metadata')
  // A Date is an object too, but not in JSON: what counts is what toJSON makes of it.
  if (typeof metadata.toJSON === 'function') {
    return storedMetadata(JSON.parse(JSON.stringify(metadata)), index)
  }
  return Object.keys(metadata).some((key) => metadata[key] !== undefined) ? metadata : undefined
}

const STRING_FIELDS = ['correlationId', 'causationId', 'actor'] as const

function checkTags(tags: readonly string[], index: number): void {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) {
    throw new InvalidEventError(index, 'tags', `must be a list of at most ${MAX_TAGS} strings`)
  }
  for (let at = 0; at < tags.length; at++) checkName(tags[at], index, `tags[${at}]`)
}

function checkName(name: unknown, index: number, field: string): void {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new InvalidEventError(index, field, problem)
}

/** What is wrong with the name of a stream, a type or a tag, or with an id. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'must be a string'
  if (name.length === 0) return 'must not be empty'
  if (name.length > MAX_NAME) return `must not be longer than ${MAX_NAME} characters`
  if (CONTROL.test(name)) return 'must not hold control characters'
  if (!name.isWellFormed()) return 'must not hold half a surrogate pair'
  return undefined
}

function givenTime(time: string | Date, index: number): number {
  const ms = time instanceof Date ? time.getTime() : typeof time === 'string' ? parseTime(time) : undefined
  if (ms === undefined || Number.isNaN(ms)) {
    throw new InvalidEventError(index, 'time', 'must be a Date or a time such as 2026-11-23T05:21:48.123Z')
  }
  if (ms < EARLIEST_TIME || ms > LATEST_TIME) {
    throw new InvalidEventError(
      index,
      'time',
      `must lie between ${formatTime(EARLIEST_TIME)} and ${formatTime(LATEST_TIME)}`,
    )
  }
  return ms
}
