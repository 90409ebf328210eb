import { meetsExpectedVersion } from '../event/condition.ts'
import type { PreparedAppend } from './append-check.ts'
import { ConcurrencyError, DuplicateIdError } from './errors.ts'
import type { LogIndex } from './log-index.ts'
import type { AppendResult } from './placement.ts'
import type { Run } from './run.ts'

/** Positions whose events may carry an id that the caller chose: told by hash, so they have to be looked at. */
export function positionsOfGivenIds(index: LogIndex, appends: readonly PreparedAppend[]): number[] {
  return appends.flatMap(({ events }) =>
    events.flatMap(({ id, hasGivenId }) => (hasGivenId ? index.findId(id) : [])),
  )
}

/**
 * Recognises an append that was made before: all its ids are stored, in its order, at the expected place.
 *
 * @param load the events around a position
 * @returns the result of the first time, or undefined when none of its ids is stored
 * @throws ConcurrencyError when it stands at another place than expected
 * @throws DuplicateIdError when only some of its ids are stored, or not in this order
 */
export async function findRepeatedAppend(
  index: LogIndex,
  appends: readonly PreparedAppend[],
  load: (position: number) => Promise<Run>,
): Promise<AppendResult | undefined> {
  const events = appends.flatMap(({ events }) => events)
  const candidates = events.map(({ id, hasGivenId }) => (hasGivenId ? index.findId(id) : []))
  const places: (number | undefined)[] = []
  for (const [at, { id }] of events.entries()) places.push(await findStored(candidates[at]!, id, load))
  const known = places.findIndex((place) => place !== undefined)
  if (known === -1) return undefined

  const first = places[0] ?? 0
  const isWhole = places.every((place, at) => place === first + at)
  if (!isWhole) throw new DuplicateIdError(events[known]!.id, places[known]!)
  let next = first
  const streams = appends.map(({ stream, expected, events }) => {
    const number = index.streams.find(stream)
    for (const [at, { id }] of events.entries()) {
      if (index.streamNumber(next + at) !== number) throw new DuplicateIdError(id, next + at)
    }
    next += events.length
    const { version } = index.chains.headAt(index.streamNumber(next - 1), next - 1)
    if (!meetsExpectedVersion(expected, version - events.length)) {
      throw new ConcurrencyError(stream, expected, index.version(stream))
    }
    return { stream, version }
  })
  return {
    version: streams[0]!.version,
    position: next - 1,
    firstPosition: first,
    streams,
    ids: events.map(({ id }) => id),
  }
}

async function findStored(
  positions: readonly number[],
  id: string,
  load: (position: number) => Promise<Run>,
): Promise<number | undefined> {
  for (const position of positions) {
    const { first, lines } = await load(position)
    if (lines.id(position - first) === id) return position
  }
  return undefined
}
