/** Where a stream has to stand for an append to be accepted: its version, or a statement about it. */
export type ExpectedVersion = number | 'any' | 'no-stream' | 'stream-exists'

/** All expected-version rules. Pure: the index says `actual`, the caller says `expected`. */
export function meetsExpectedVersion(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case 'any':
      return true
    case 'no-stream':
      return actual === 0
    case 'stream-exists':
      return actual > 0
    default:
      return expected === actual
  }
}

/**
 * Selects events: those of one of the types (if given), of one of the streams (if given), that carry all
 * of the tags (if given). A list of items selects what any of them selects.
 */
export interface QueryItem {
  readonly types?: readonly string[]
  readonly tags?: readonly string[]
  readonly streams?: readonly string[]
}
export type Query = QueryItem | readonly QueryItem[]

/**
 * Holds as long as no event after a position matches a query: the consistency boundary of a decision
 * that rests on more than one stream. `after` is the position up to which the caller has read; default 0. It may lie beyond
 * the end of the log here, as one does that was read in a replica or a clone that knows more: then all there is counts as read,
 * and so does what is still to come up to there. So take it from what was read, and read anew where the log was restored.
 *
 * Source: Sara Pellegrini, "Dynamic Consistency Boundary"; the terms follow dcb.events.
 */
export interface AppendCondition {
  readonly query: Query
  readonly after?: number
}

export function queryItems(query: Query): readonly QueryItem[] {
  return isList(query) ? query : [query]
}

/** A copy that shares nothing with the caller's, which may change while an append waits. */
export function copyCondition({ query, after }: AppendCondition): AppendCondition {
  const copy = queryItems(query).map(({ types, tags, streams }) => ({
    ...(types !== undefined && { types: [...types] }),
    ...(tags !== undefined && { tags: [...tags] }),
    ...(streams !== undefined && { streams: [...streams] }),
  }))
  return { query: isList(query) ? copy : copy[0]!, ...(after !== undefined && { after }) }
}

function isList(query: Query): query is readonly QueryItem[] {
  return Array.isArray(query)
}
