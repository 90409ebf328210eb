import { type Query, queryItems } from '../../src/event/condition.ts'

/** What a query looks at in an event. */
interface Queryable {
  readonly type: string
  readonly stream: string
  readonly tags: readonly string[]
}

/** All query rules: the slow, plain form that the index's fast one is tested against. */
export function matchesQuery(query: Query, event: Queryable): boolean {
  return queryItems(query).some(
    ({ types, streams, tags }) =>
      (types === undefined || types.includes(event.type)) &&
      (streams === undefined || streams.includes(event.stream)) &&
      (tags === undefined || tags.every((tag) => event.tags.includes(tag))),
  )
}
