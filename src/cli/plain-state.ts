/** As deep as a state is shown: printing JSON fails after some thousand levels. */
const MAX_LEVELS = 500

/**
 * A state as plain JSON values, for printing: a Map becomes an object (or a list of pairs where its keys
 * are no texts), a Set a list, a Date its time. What JSON cannot hold becomes a text, never an error.
 */
export function plainState(state: unknown): unknown {
  return plain(state, [])
}

function plain(value: unknown, above: readonly unknown[]): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value === 'function') return '[function]'
  if (typeof value !== 'object' || value === null) return value ?? null
  if (above.includes(value)) return '[circular]'
  if (above.length === MAX_LEVELS) return '[more levels]'
  try {
    return members(value, above)
  } catch {
    // A getter or a toJSON of the user's own threw.
    return '[unreadable]'
  }
}

function members(value: object, above: readonly unknown[]): unknown {
  const inner = (one: unknown) => plain(one, [...above, value])
  const list = listOf(value)
  if (list !== undefined) return list.map(inner)
  if ('toJSON' in value && typeof value.toJSON === 'function') return inner(value.toJSON())
  const entries = entriesOf(value)
  if (entries.every(([key]) => typeof key === 'string')) {
    // fromEntries defines own properties, also for a key called __proto__.
    return Object.fromEntries(entries.map(([key, one]) => [key, inner(one)]))
  }
  return entries.map(([key, one]) => [inner(key), inner(one)])
}

/** The entries of a state that has some: of a Map or of an object, or of a list by number. */
function entriesOf(state: unknown): readonly (readonly [key: unknown, value: unknown])[] {
  if (state instanceof Map) return [...state]
  const list = listOf(state)
  if (list !== undefined) return list.map((value, at) => [String(at), value])
  return typeof state === 'object' && state !== null ? Object.entries(state) : []
}

/** The entry that a typed text names; undefined if there is none. */
export function findEntry(state: unknown, key: string): { readonly value: unknown } | undefined {
  const found = entriesOf(state).find(([one]) => typeof one !== 'object' && String(one) === key)
  return found && { value: found[1] }
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (value instanceof Set) return [...value]
  if (ArrayBuffer.isView(value) && Symbol.iterator in value)
    return Array.from(value as Iterable<unknown> & typeof value)
  return undefined
}
