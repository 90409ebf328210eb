import { isDate } from 'node:util/types'
import { EventTooLargeError, InvalidEventError, InvalidStreamError } from './errors.ts'
import type { Metadata, NewEvent, RecordedEvent } from './event.ts'
import { writeJsonValue } from './json-value.ts'
import { JsonWriter, WriterFullError } from './json-writer.ts'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime } from './time.ts'

/**
 * An event that was checked; its data and metadata are encoded: `"data":…,"metadata":…` stand in `body`, between two
 * places. The rest of its line depends on its place in the log.
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
    readonly schema: number,
    readonly tags: readonly string[],
    /** The given time in milliseconds, or undefined to take the clock's. */
    readonly timeMs: number | undefined,
    readonly body: Buffer,
    readonly from: number,
    readonly to: number,
  ) {}
}

const MAX_NAME = 200
/** The most that one event may have. */
export const MAX_TAGS = 100
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Checks events and encodes them. Pure but for `newId`.
 *
 * @param stream   their stream; checked by `checkStreamName`
 * @param limit    the most bytes a stored line may take
 * @param bodies   where data and metadata are encoded; what is written there belongs to the events until it is taken back
 * @throws InvalidStreamError, InvalidEventError, InvalidDataError, EventTooLargeError, WriterFullError
 */
export function prepareEvents(
  stream: string,
  events: readonly NewEvent[],
  limit: number,
  newId: () => string,
  bodies: JsonWriter,
): PreparedEvent[] {
  checkStreamName(stream)
  if (!Array.isArray(events) || events.length === 0) {
    throw new InvalidEventError(undefined, 'events', 'must be a list of at least one event', {
      hint: 'Call append(stream, [{ type: "SomethingHappened", data: {} }]).',
    })
  }
  const { length } = events
  const prepared = new Array<PreparedEvent>(length)
  // `map` would pass over a hole in the list.
  for (let index = 0; index < length; index++) {
    prepared[index] = prepareEvent(stream, events[index]!, index, limit, newId, bodies)
  }
  return prepared
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
  bodies: JsonWriter,
): PreparedEvent {
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventError(index, 'event', 'must be an object with a type')
  }
  for (const field in event) if (!FIELDS.has(field)) throw unknownField(field, index)
  // Each is read once: a getter may give another value the next time.
  const { type, schema = 1, data = {}, tags: givenTags, id: givenId, time, metadata } = event
  checkName(type, index, 'type')
  if (!Number.isSafeInteger(schema) || schema < 1) {
    throw new InvalidEventError(index, 'schema', 'must be a whole number from 1')
  }
  const tags = ownTags(givenTags, index)
  const hasGivenId = givenId !== undefined
  if (hasGivenId) checkName(givenId, index, 'id')
  const id = givenId ?? newId()
  const timeMs = time === undefined ? undefined : givenTime(time, index)

  const from = bodies.used
  try {
    bodies.ascii('"data":')
    writeValue(bodies, data, 'data')
    writeMetadata(bodies, metadata, index)
  } catch (error) {
    const bytes = error instanceof WriterFullError ? error.needed - from : 0
    throw bytes > limit ? new EventTooLargeError(index, bytes, limit, false) : error
  }
  const { bytes: body, used: to } = bodies
  const prepared = new PreparedEvent(id, hasGivenId, type, schema, tags, timeMs, body, from, to)
  // Most events need no exact count.
  if (mostBytes(stream, prepared) > limit) {
    const bytes = lineBytes(stream, prepared)
    if (bytes > limit) throw new EventTooLargeError(index, bytes, limit)
  }
  return prepared
}

/** @throws InvalidDataError for what JSON would not keep */
function writeValue(writer: JsonWriter, value: unknown, name: string): void {
  if (!writer.value(value)) writeJsonValue(writer, value, name)
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

/** A prepared event as it can be prepared again, with its id: it shares nothing with what it was prepared from. */
export function newEventOf({ id, type, schema, tags, timeMs, body, from, to }: PreparedEvent): NewEvent {
  return {
    type,
    id,
    ...(schema !== 1 && { schema }),
    ...(tags.length > 0 && { tags: [...tags] }),
    ...(timeMs !== undefined && { time: formatTime(timeMs) }),
    ...JSON.parse(`{${body.toString('utf8', from, to)}}`),
  }
}

/** Writes the stored line of a prepared event at its place, with its LF: the keys in the order of the format. */
export function writeLine(
  writer: JsonWriter,
  stream: string,
  event: PreparedEvent,
  version: number,
  time: string,
): void {
  const { id, type, schema, tags, body, from, to } = event
  writer.ascii('{"id":')
  writer.string(id)
  writer.ascii(',"stream":')
  writer.string(stream)
  writer.ascii(',"version":')
  writer.integer(version)
  writer.ascii(',"type":')
  writer.string(type)
  if (schema !== 1) {
    writer.ascii(',"schema":')
    writer.integer(schema)
  }
  if (tags.length > 0) {
    // Not as a value: where arrays have a `toJSON` in this process, that writes nothing.
    for (let at = 0; at < tags.length; at++) {
      writer.ascii(at === 0 ? ',"tags":[' : ',')
      writer.string(tags[at]!)
    }
    writer.ascii(']')
  }
  writer.ascii(',"time":"')
  writer.ascii(time)
  writer.ascii('",')
  writer.copy(body, from, to)
  writer.ascii('}\n')
}

/** What a line takes beside its names and its body: the keys, a version and a schema of 16 digits, and the time. */
const FRAME_BYTES = 130

/** How many bytes the line of an event takes at most, without a look at its text: a character takes three at most. */
export function mostBytes(stream: string, { id, type, tags, from, to }: PreparedEvent): number {
  let characters = id.length + stream.length + type.length
  for (const tag of tags) characters += tag.length + 1
  return FRAME_BYTES + characters * 3 + to - from
}

/** A place in the log that takes as much room as any. */
const LARGEST_VERSION = Number.MAX_SAFE_INTEGER
const ANY_TIME = formatTime(EARLIEST_TIME)

/** How many bytes the line of an event takes at most. Costs as much as writing it. */
export function lineBytes(stream: string, event: PreparedEvent): number {
  const line = new JsonWriter(mostBytes(stream, event))
  writeLine(line, stream, event, LARGEST_VERSION, ANY_TIME)
  return line.used
}

/** Writes the metadata behind the data, unless there is nothing in it. */
function writeMetadata(writer: JsonWriter, metadata: Metadata | undefined, index: number): void {
  if (metadata === undefined) return
  checkIsObject(metadata, index)
  // A Date is an object too, but not in JSON: what counts is what toJSON makes of it.
  const isReplaced = typeof metadata.toJSON === 'function'
  if (!isReplaced) checkFixedFields(metadata, index)
  const start = writer.used
  writer.ascii(',"metadata":')
  const from = writer.used
  writeValue(writer, metadata, 'metadata')
  if (isReplaced) {
    const written: unknown = JSON.parse(writer.bytes.toString('utf8', from, writer.used))
    checkIsObject(written, index)
    checkFixedFields(written, index)
  }
  const isEmpty = writer.used === from + 2
  if (isEmpty) writer.used = start
}

function checkIsObject(metadata: unknown, index: number): asserts metadata is Metadata {
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return
  throw new InvalidEventError(index, 'metadata', 'must be an object')
}

function checkFixedFields({ correlationId, causationId, actor }: Metadata, index: number): void {
  // One by one: a look-up by a field that changes costs five times as much.
  checkStringField(correlationId, 'correlationId', index)
  checkStringField(causationId, 'causationId', index)
  checkStringField(actor, 'actor', index)
}

function checkStringField(value: unknown, field: string, index: number): void {
  if (value === undefined || typeof value === 'string') return
  throw new InvalidEventError(index, `metadata.${field}`, 'must be a string')
}

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
  // A class of the caller's may give anything for getTime().
  const ms = isDate(time)
    ? Date.prototype.getTime.call(time)
    : typeof time === 'string'
      ? parseTime(time)
      : undefined
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
