import { isDeepStrictEqual } from 'node:util'
import { meetsExpectedVersion } from '../../src/event/condition.ts'
import type { RecordedEvent } from '../../src/event/event.ts'
import type { AckLevel } from '../../src/log/appender.ts'
import type { StreamSummary } from '../../src/log/streams.ts'
import { matchesQuery } from '../event/plain-query.ts'
import type { Attempted, History, Operation, OperationEvent } from './history.ts'
import { type Tally, tally } from './tally.ts'

/** What a log showed when it was opened again. */
export interface Observation {
  readonly events: readonly RecordedEvent[]
  /** State of the projection `tallies`. */
  readonly image: ReadonlyMap<string, Tally>
  readonly streams: readonly StreamSummary[]
  /** The last position of the image. */
  readonly position: number
  /** Tokens of the operations that are kept as conflicts. */
  readonly conflicts?: readonly string[]
  /** What `git fsck --strict` and the log's own verification found. */
  readonly findings: readonly string[]
}

export interface Anomaly {
  readonly kind:
    | 'lost'
    | 'doubled'
    | 'reordered'
    | 'invented'
    | 'altered'
    | 'shifted position'
    | 'shifted version'
    | 'gap in positions'
    | 'gap in versions'
    | 'condition violated'
    | 'rejected but stored'
    | 'half an append'
    | 'stale read'
    | 'wrong image'
    | 'wrong index'
    | 'time backwards'
    | 'unsound repository'
  readonly what: string
}

/** Ack levels whose events must outlive what happened. */
export const AFTER_A_KILL: readonly AckLevel[] = ['written', 'journaled', 'committed', 'pushed']
export const AFTER_A_POWER_CUT: readonly AckLevel[] = ['journaled', 'committed', 'pushed']

/**
 * The one checker of all runs: holds what a log shows against what its clients asked for and were told.
 *
 * @returns everything that breaks a promise; nothing, for a log that kept them all
 */
export function findAnomalies(
  history: History,
  observation: Observation,
  promised: readonly AckLevel[],
): Anomaly[] {
  const anomalies: Anomaly[] = []
  const report = (kind: Anomaly['kind'], what: string) => void anomalies.push({ kind, what })
  const { events } = observation
  checkSequence(events, report)
  const found = group(events, history, report)
  for (const attempted of history.attempted.values()) {
    const stored = found.get(attempted.operation.token)
    checkPresence(attempted, stored, promised, report)
    checkAccepted(attempted, stored, observation, report)
    if (stored === undefined) continue
    checkWhole(attempted.operation, stored, report)
    checkCondition(attempted.operation, stored, events, report)
    checkPlace(attempted, stored, report)
  }
  checkOrder(history, found, report)
  checkDerived(observation, report)
  return anomalies
}

type Report = (kind: Anomaly['kind'], what: string) => void

function checkSequence(events: readonly RecordedEvent[], report: Report): void {
  const versions = new Map<string, number>()
  let time = ''
  for (const [at, event] of events.entries()) {
    if (event.position !== at + 1) report('gap in positions', `${event.position} stands at ${at + 1}`)
    const expected = (versions.get(event.stream) ?? 0) + 1
    if (event.version !== expected) {
      report('gap in versions', `${event.stream} has ${event.version} where ${expected} is due`)
    }
    versions.set(event.stream, event.version)
    if (event.time < time) report('time backwards', `${event.time} after ${time}`)
    time = event.time
  }
}

/** The stored events of each operation, in the order of the log. */
function group(
  events: readonly RecordedEvent[],
  history: History,
  report: Report,
): Map<string, RecordedEvent[]> {
  const found = new Map<string, RecordedEvent[]>()
  for (const event of events) {
    // Whatever else stands there was not written by any client.
    const { token } = event.data as Partial<OperationEvent['data']>
    if (token === undefined || !history.attempted.has(token)) {
      report('invented', `position ${event.position} belongs to no operation`)
      continue
    }
    const stored = found.get(token)
    if (stored === undefined) found.set(token, [event])
    else stored.push(event)
  }
  return found
}

function checkPresence(
  { operation: { token, ack }, attempts, outcomes }: Attempted,
  stored: readonly RecordedEvent[] | undefined,
  promised: readonly AckLevel[],
  report: Report,
): void {
  const isPromised = outcomes.some(({ kind }) => kind === 'stored' || kind === 'acknowledged')
  if (isPromised && promised.includes(ack) && stored === undefined) report('lost', `${token}, ${ack}`)
  const isRefused = outcomes.length === attempts && outcomes.at(-1)?.kind === 'rejected'
  if (isRefused && stored !== undefined) report('rejected but stored', token)
}

/** What was accepted without a place is in the log in the end, or kept as a conflict: one of the two. */
function checkAccepted(
  { operation: { token }, outcomes }: Attempted,
  stored: readonly RecordedEvent[] | undefined,
  { conflicts = [] }: Observation,
  report: Report,
): void {
  const isConflict = conflicts.includes(token)
  const isAccepted = outcomes.some(({ kind }) => kind === 'accepted')
  if (isAccepted && stored === undefined && !isConflict) report('lost', `${token}, accepted`)
  if (isConflict && stored !== undefined) report('rejected but stored', `${token}, a conflict`)
}

function checkWhole({ token, appends }: Operation, stored: readonly RecordedEvent[], report: Report): void {
  const asked = appends.flatMap(({ stream, events }) => events.map((event) => ({ stream, ...event })))
  const numbers = stored.map(({ data }) => (data as OperationEvent['data']).number)
  if (new Set(numbers).size < numbers.length) report('doubled', token)
  else if (stored.length < asked.length) report('half an append', token)
  else if (stored.some(({ position }, at) => position !== stored[0]!.position + at)) {
    report('half an append', `${token} is not in one piece`)
  }
  for (const [at, { stream, type, tags, id, data }] of stored.entries()) {
    const wanted = asked[at % asked.length]!
    const isSame = isDeepStrictEqual(
      { stream, type, tags: [...tags], data, ...(wanted.id !== undefined && { id }) },
      wanted,
    )
    if (!isSame) report('altered', `event ${at} of ${token}`)
  }
}

function checkCondition(
  { token, appends, condition }: Operation,
  stored: readonly RecordedEvent[],
  events: readonly RecordedEvent[],
  report: Report,
): void {
  for (const { stream, expectedVersion } of appends) {
    const first = stored.find((event) => event.stream === stream)
    if (first !== undefined && !meetsExpectedVersion(expectedVersion, first.version - 1)) {
      report(
        'condition violated',
        `${token} expected ${expectedVersion}, ${stream} was at ${first.version - 1}`,
      )
    }
  }
  if (condition === undefined) return
  const { query, after = 0 } = condition
  const match = events.slice(after, stored[0]!.position - 1).find((event) => matchesQuery(query, event))
  if (match !== undefined) report('condition violated', `${token} did not know of position ${match.position}`)
}

/** Where the events stand is where each acknowledgement said, and was to be seen when it came. */
function checkPlace(
  { operation: { token }, outcomes }: Attempted,
  stored: readonly RecordedEvent[],
  report: Report,
): void {
  for (const outcome of outcomes) {
    if (outcome.kind !== 'acknowledged') continue
    const { firstPosition, position, streams } = outcome.result
    if (stored[0]!.position !== firstPosition || stored.at(-1)!.position !== position) {
      report('shifted position', `${token}: acknowledged at ${firstPosition}, is at ${stored[0]!.position}`)
    }
    for (const { stream, version } of streams) {
      const actual = stored.findLast((event) => event.stream === stream)?.version
      if (actual !== version) report('shifted version', `${token}: ${version} in ${stream} is ${actual}`)
    }
    const { stream, version } = streams[0]!
    if (outcome.seen < version)
      report('stale read', `${token}: ${stream} showed ${outcome.seen}, not ${version}`)
  }
}

/** What began after another append was acknowledged stands after it. */
function checkOrder(
  history: History,
  found: ReadonlyMap<string, readonly RecordedEvent[]>,
  report: Report,
): void {
  const moments = [...history.attempted.values()].flatMap(({ operation, begunAt, acknowledgedAt }) => {
    const first = found.get(operation.token)?.[0]
    if (first === undefined) return []
    const begun = { at: begunAt, position: first.position, isEnd: false }
    return acknowledgedAt === undefined ? [begun] : [begun, { ...begun, at: acknowledgedAt, isEnd: true }]
  })
  let last = 0
  for (const { position, isEnd } of moments.sort((a, b) => a.at - b.at)) {
    if (isEnd) last = Math.max(last, position)
    else if (position < last) report('reordered', `${position} began after ${last} was acknowledged`)
  }
}

function checkDerived({ events, image, streams, position, findings }: Observation, report: Report): void {
  const replayed = tally(events)
  if (!isDeepStrictEqual(image, replayed)) report('wrong image', 'the image differs from a replay')
  if (position !== events.length) report('wrong image', `it is at ${position}, the log at ${events.length}`)
  const summaries = new Map(streams.map(({ stream, version }) => [stream, version]))
  const versions = new Map([...replayed].map(([stream, { version }]) => [stream, version]))
  if (!isDeepStrictEqual(summaries, versions)) report('wrong index', 'the streams differ from a replay')
  for (const finding of findings) report('unsound repository', finding)
}
