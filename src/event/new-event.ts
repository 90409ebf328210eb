import { EventTooLargeError, InvalidEventError, InvalidStreamError } from './errors.ts'
import type { Metadata, NewEvent, RecordedEvent } from './event.ts'
import { checkJsonValue } from './json-value.ts'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime } from './time.ts'

/**
 * An event that was checked and encoded, but for what its place in the log decides: its line is `beforeVersion`,
 * the version, `beforeTime`, the time, `afterTime`.
 *
 * A class, since V8 takes literals for long-lived once a thousand of them waited together: then it makes each in
 * the old generation, with all that it holds on to. In appends that was four fifths of what survived a minor
 * collection.
 */
export class PreparedEvent {
  constructor(
    readonly id: string,
    /** Whether the caller chose the id, which makes a retry recognisable. */
    readonly hasGivenId: boolean,
    readonly type: string,
    readonly tags: readonly string[],
    /** The given time in milliseconds, or undefined to take the clock's. */
    readonly timeMs: number | undefined,
    readonly beforeVersion: string,
    readonly beforeTime: string,
    readonly afterTime: string,
  ) {}
}

const MAX_NAME = 200
const MAX_TAGS = 100
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Checks events and encodes them. Pure but for `newId`.
 *
 * @param stream   their stream; checked by `checkStreamName`
 * @param limit    the most bytes a stored line may take
 * @throws InvalidStreamError, InvalidEventError, InvalidDataError, EventTooLargeError
 */
export function prepareEvents(
  stream: string,
  events: readonly NewEvent[],
  limit: number,
  newId: () => string,
): PreparedEvent[] {
  checkStreamName(stream)
  if (!Array.isArray(events) || events.length === 0) {
    throw new InvalidEventError(undefined, 'events', 'must be a list of at least one event', {
      hint: 'Call append(stream, [{ type: "SomethingHappened", data: {} }]).',
    })
  }
  const streamField = `,"stream":${quote(stream)},"version":`
  const prepared: PreparedEvent[] = []
  // `map` would pass over a hole in the list.
  for (let index = 0; index < events.length; index++) {
    prepared.push(prepareEvent(streamField, events[index]!, index, limit, newId))
  }
  return prepared
}

/** @throws InvalidStreamError unless it has 1 to 200 characters, none of them a control character */
function checkStreamName(stream: string): void {
  const problem = nameProblem(stream)
  if (problem !== undefined) throw new InvalidStreamError(problem)
}

function prepareEvent(
  streamField: string,
  event: NewEvent,
  index: number,
  limit: number,
  newId: () => string,
): PreparedEvent {
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventError(index, 'event', 'must be an object with a type')
  }
  for (const field in event) if (!FIELDS.has(field)) throw unknownField(field, index)
  const { type, schema = 1, data = {} } = event
  checkName(type, index, 'type')
  if (!Number.isSafeInteger(schema) || schema < 1) {
    throw new InvalidEventError(index, 'schema', 'must be a whole number from 1')
  }
  const tags = ownTags(event.tags, index)
  const hasGivenId = event.id !== undefined
  if (hasGivenId) checkName(event.id, index, 'id')
  const id = event.id ?? newId()
  checkJsonValue(data, 'data')
  const timeMs = event.time === undefined ? undefined : givenTime(event.time, index)
  const metadata = storedMetadata(event.metadata, index)

  // The keys in the order of the format. Texts are joined rather than objects stringified: half the time.
  const beforeVersion = `{"id":${quote(id)}${streamField}`
  let beforeTime = `,"type":${quote(type)}`
  if (schema !== 1) beforeTime += `,"schema":${schema}`
  if (tags.length > 0) beforeTime += `,"tags":${JSON.stringify(tags)}`
  beforeTime += ',"time":"'
  let afterTime = `","data":${JSON.stringify(data)}`
  if (metadata !== undefined) afterTime += `,"metadata":${JSON.stringify(metadata)}`
  afterTime += '}\n'

  const prepared = new PreparedEvent(id, hasGivenId, type, tags, timeMs, beforeVersion, beforeTime, afterTime)
  // A character takes at most three bytes, so most events need no exact count.
  if (mostCharacters(prepared) * 3 > limit) {
    const bytes = mostBytes(prepared)
    if (bytes > limit) throw new EventTooLargeError(index, bytes, limit)
  }
  return prepared
}

const NO_TAGS: readonly string[] = []

/** Those of a new event, and those that a read event has beside them, which the log gives anew. */
const FIELDS: ReadonlySet<string> = new Set<keyof NewEvent | keyof RecordedEvent>([
  'type',
  'data',
  'metadata',
  'tags',
  'schema',
  'id',
  'time',
  'position',
  'stream',
  'version',
])

/** What is left out of an event cannot be added later. */
function unknownField(field: string, index: number): InvalidEventError {
  return new InvalidEventError(index, field, 'is no field of an event', {
    hint: 'Put it into data or metadata.',
  })
}

/** A name as JSON: `JSON.stringify` without its cost where nothing has to be escaped. */
function quote(name: string): string {
  return NEEDS_ESCAPE.test(name) ? JSON.stringify(name) : `"${name}"`
}

const NEEDS_ESCAPE = /["\\]/

/** The stored line of a prepared event at its place, with its LF. */
export function encodeLine(event: PreparedEvent, version: number, time: string): string {
  return event.beforeVersion + version + event.beforeTime + time + event.afterTime
}

/** The most digits of a version, and the characters of a time. */
const PLACE_CHARACTERS = 16 + 24

/** How many characters the line of an event takes at most. */
export function mostCharacters({ beforeVersion, beforeTime, afterTime }: PreparedEvent): number {
  return beforeVersion.length + beforeTime.length + afterTime.length + PLACE_CHARACTERS
}

/** How many bytes the line of an event takes at most. Costs a look at all of its text. */
export function mostBytes({ beforeVersion, beforeTime, afterTime }: PreparedEvent): number {
  return Buffer.byteLength(beforeVersion + beforeTime + afterTime) + PLACE_CHARACTERS
}

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

/** Tags in a list of our own: the index gets them later than the line, and the caller's may have changed by then. */
function ownTags(tags: readonly string[] | undefined, index: number): readonly string[] {
  if (tags === undefined) return NO_TAGS
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) {
    throw new InvalidEventError(index, 'tags', `must be a list of at most ${MAX_TAGS} strings`)
  }
  const own: readonly string[] = [...tags]
  for (let at = 0; at < own.length; at++) checkName(own[at], index, `tags[${at}]`)
  return own
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
