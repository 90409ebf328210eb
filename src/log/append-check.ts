import {
  type AppendCondition,
  type ExpectedVersion,
  meetsExpectedVersion,
  type Query,
  queryItems,
} from '../event/condition.ts'
import { AppendTooLargeError, TimeBackwardsError, UsageError } from '../event/errors.ts'
import { lineBytes, mostBytes, type PreparedEvent } from '../event/new-event.ts'
import { checkOptionKinds } from '../event/option-kinds.ts'
import { formatTime } from '../event/time.ts'
import { MAX_APPEND_BYTES } from '../repository/layout.ts'
import { ConcurrencyError } from './errors.ts'
import { LAST_POSITION, type LogIndex } from './log-index.ts'

/** The events of one stream in an append, checked and encoded. A class for the reason that `PreparedEvent` is one. */
export class PreparedAppend {
  constructor(
    readonly stream: string,
    readonly expected: ExpectedVersion,
    readonly events: readonly PreparedEvent[],
  ) {}
}

/**
 * All rules that decide whether an append may enter the log. Synchronous and free of effects, so nothing
 * can come between the decision and the assignment of positions.
 *
 * @throws ConcurrencyError, UsageError
 */
export function checkAppend(
  index: LogIndex,
  appends: readonly PreparedAppend[],
  condition: AppendCondition | undefined,
): void {
  let count = 0
  for (const { stream, expected, events } of appends) {
    count += events.length
    if (expected === 'any') continue
    const actual = index.version(stream)
    if (!meetsExpectedVersion(expected, actual)) throw new ConcurrencyError(stream, expected, actual)
  }
  if (condition !== undefined) {
    const { query, after = 0 } = condition
    const match = index.findMatch(query, after)
    if (match !== undefined) throw new ConcurrencyError(undefined, after, match)
  }
  if (index.count + count > LAST_POSITION) throw new UsageError(`a log holds at most ${LAST_POSITION} events`)
}

/** @throws UsageError, AppendTooLargeError for a shape of the call that no log could accept */
export function checkShape(appends: readonly PreparedAppend[], condition: AppendCondition | undefined): void {
  if (appends.length === 0) throw new UsageError('an append names no stream')
  for (const { stream, expected } of appends) {
    if (isExpectedVersion(expected)) continue
    throw new UsageError(`expectedVersion of stream "${stream}" is ${String(expected)}`, {
      hint: "Give a version from 0, 'any', 'no-stream' or 'stream-exists'.",
    })
  }
  if (appends.length > 1 && new Set(appends.map(({ stream }) => stream)).size < appends.length) {
    throw new UsageError('a stream is named twice in one append', { hint: 'Put its events into one list.' })
  }
  if (hasGivenIds(appends) && hasRepeatedId(appends)) {
    throw new UsageError('an event id is given twice in one append', { hint: 'Each event needs its own id.' })
  }
  checkSize(appends)
  if (condition !== undefined) checkCondition(condition)
}

/** An append is one batch, and a batch that its readers refuse as too large would be as good as lost. */
function checkSize(appends: readonly PreparedAppend[]): void {
  let most = 0
  // Most appends need no exact count.
  for (const { stream, events } of appends) for (const event of events) most += mostBytes(stream, event)
  if (most <= MAX_APPEND_BYTES) return
  let bytes = 0
  for (const { stream, events } of appends) for (const event of events) bytes += lineBytes(stream, event)
  if (bytes > MAX_APPEND_BYTES) throw new AppendTooLargeError(bytes, MAX_APPEND_BYTES)
}

/** Whether the caller chose the id of an event, so that the append may be a retry. */
export function hasGivenIds(appends: readonly PreparedAppend[]): boolean {
  return appends.some(({ events }) => events.some(({ hasGivenId }) => hasGivenId))
}

function hasRepeatedId(appends: readonly PreparedAppend[]): boolean {
  const ids = appends.flatMap(({ events }) =>
    events.filter(({ hasGivenId }) => hasGivenId).map(({ id }) => id),
  )
  return new Set(ids).size < ids.length
}

function checkCondition(condition: AppendCondition): void {
  checkOptionKinds('append option "condition"', condition, { query: 'any', after: 'any' })
  const { query, after = 0 } = condition
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new UsageError(`condition.after is ${String(after)}`, {
      hint: 'Give the position up to which you have read.',
    })
  }
  if (!isQuery(query)) {
    throw new UsageError('condition.query is missing, or not a query', {
      hint: 'Give { types, tags, streams }, each a list of strings, or a list of those.',
    })
  }
}

/** A misspelt field would select every event, a string in place of a list none: neither is let through. */
function isQuery(query: Query): boolean {
  if (typeof query !== 'object' || query === null) return false
  return queryItems(query).every(
    (item) =>
      typeof item === 'object' &&
      item !== null &&
      Object.entries(item).every(
        ([field, names]) => QUERY_FIELDS.includes(field) && (names === undefined || isListOfStrings(names)),
      ),
  )
}

const QUERY_FIELDS = ['types', 'tags', 'streams']

function isListOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

function isExpectedVersion(expected: unknown): boolean {
  if (typeof expected === 'number') return Number.isSafeInteger(expected) && expected >= 0
  return expected === 'any' || expected === 'no-stream' || expected === 'stream-exists'
}

/** Given times may not go back behind the last of the log, nor behind one another. @throws TimeBackwardsError */
export function checkTimes(appends: readonly PreparedAppend[], lastMs: number, nowMs: number): void {
  let last = lastMs
  let index = 0
  for (const { events } of appends) {
    for (const { timeMs } of events) {
      if (timeMs !== undefined && timeMs < last) {
        throw new TimeBackwardsError(index, formatTime(timeMs), formatTime(last))
      }
      last = recordedTime(timeMs, last, nowMs)
      index++
    }
  }
}

/** The time at which the log records an event: the given one, else the clock's, and never before the last. */
export function recordedTime(givenMs: number | undefined, lastMs: number, nowMs: number): number {
  return givenMs ?? Math.max(nowMs, lastMs)
}
