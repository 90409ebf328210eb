import { EventTooLargeError, InvalidEventError, InvalidStreamError } from './errors.ts'
import type { Metadata, NewEvent } from './event.ts'
import { checkJsonValue } from './json-value.ts'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime } from './time.ts'

/** An event that was checked and encoded as far as it can be before its place in the log is known. */
export interface PreparedEvent {
  readonly id: string
  /** Whether the caller chose the id, which makes a retry recognisable. */
  readonly hasGivenId: boolean
  readonly type: string
  readonly tags: readonly string[]
  /** The given time in milliseconds, or undefined to take the clock's. */
  readonly timeMs: number | undefined
  /** The parts of the stored line around its version and its time. */
  readonly beforeVersion: string
  readonly beforeTime: string
  readonly afterTime: string
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
  const streamText = JSON.stringify(stream)
  return events.map((event, index) => prepareEvent(streamText, event, index, limit, newId))
}

/** @throws InvalidStreamError unless it has 1 to 200 characters, none of them a control character */
function checkStreamName(stream: string): void {
  const problem = nameProblem(stream)
  if (problem !== undefined) throw new InvalidStreamError(problem)
}

function prepareEvent(
  streamText: string,
  event: NewEvent,
  index: number,
  limit: number,
  newId: () => string,
): PreparedEvent {
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventError(index, 'event', 'must be an object with a type')
  }
  const { type, schema = 1, tags = [], data = {}, metadata } = event
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
  const beforeVersion = `{"id":${hasGivenId ? JSON.stringify(id) : `"${id}"`},"stream":${streamText},"version":`
  const schemaText = schema === 1 ? '' : `,"schema":${schema}`
  const tagsText = tags.length === 0 ? '' : `,"tags":${JSON.stringify(tags)}`
  const beforeTime = `,"type":${JSON.stringify(type)}${schemaText}${tagsText},"time":"`
  const afterTime = `","data":${JSON.stringify(data)}${metadataText(metadata, index)}}\n`

  const length = beforeVersion.length + beforeTime.length + afterTime.length + 40
  // A character takes at most three bytes, so most events need no exact count.
  if (length * 3 > limit) {
    const bytes =
      Buffer.byteLength(beforeVersion) + Buffer.byteLength(beforeTime) + Buffer.byteLength(afterTime) + 40
    if (bytes > limit) throw new EventTooLargeError(index, bytes, limit)
  }
  return { id, hasGivenId, type, tags, timeMs, beforeVersion, beforeTime, afterTime }
}

/** The stored line of a prepared event at its place, with its LF. */
export function encodeLine(event: PreparedEvent, version: number, time: string): string {
  return event.beforeVersion + version + event.beforeTime + time + event.afterTime
}

function metadataText(metadata: Metadata | undefined, index: number): string {
  if (metadata === undefined) return ''
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidEventError(index, 'metadata', 'must be an object')
  }
  for (const field of ['correlationId', 'causationId', 'actor'] as const) {
    const value: unknown = metadata[field]
    if (value !== undefined && typeof value !== 'string') {
      throw new InvalidEventError(index, `metadata.${field}`, 'must be a string')
    }
  }
  checkJsonValue(metadata, 'metadata')
  const text = JSON.stringify(metadata)
  // A Date is an object too, but not in JSON.
  if (!text.startsWith('{')) throw new InvalidEventError(index, 'metadata', 'must be an object')
  return text === '{}' ? '' : `,"metadata":${text}`
}

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
