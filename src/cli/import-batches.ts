import type { NewEvent } from '../event/event.ts'
import type { ImportedEvent } from './import/imported-event.ts'

/** Consecutive events of a file, appended all or none. */
export interface ImportBatch {
  readonly events: readonly ImportedEvent[]
  readonly appends: readonly { readonly stream: string; readonly events: readonly NewEvent[] }[]
  readonly count: number
  /** Lines of the file on which its first and its last event start. */
  readonly firstLine: number
  readonly line: number
}

/**
 * The most that the events of a batch hold, as `sizeOf` counts. Stored they take no more than six times as much,
 * which an append may, and they are in memory twice: while a batch is on its way to the disk the next one is read.
 */
const MAX_SIZE = 1 << 20

/**
 * Groups events into batches of at most `most`. An append names a stream once, so a batch ends early where
 * a stream comes back after another one: the log keeps the order of the file. It also ends early where an
 * event comes a second time, and before it takes more than one append may.
 */
export async function* batchesOf(
  events: AsyncIterable<ImportedEvent>,
  most: number,
): AsyncGenerator<ImportBatch> {
  let taken: ImportedEvent[] = []
  let size = 0
  const streams = new Set<string>()
  const ids = new Set<string>()
  const take = (): ImportBatch => {
    const batch = batchOf(taken)
    taken = []
    size = 0
    streams.clear()
    ids.clear()
    return batch
  }
  for await (const imported of events) {
    const { stream, event } = imported
    const { id } = event
    const more = sizeOf(imported)
    const isTooLarge = taken.length > 0 && size + more > MAX_SIZE
    const comesBack = streams.has(stream) && stream !== taken.at(-1)?.stream
    if (isTooLarge || comesBack || (id !== undefined && ids.has(id))) yield take()
    taken.push(imported)
    streams.add(stream)
    if (id !== undefined) ids.add(id)
    size += more
    // At once: the next event of a feed may be long in coming.
    if (taken.length === most) yield take()
  }
  if (taken.length > 0) yield take()
}

/** A batch of two events or more as two. */
export function halvesOf({ events }: ImportBatch): readonly [ImportBatch, ImportBatch] {
  const half = events.length >> 1
  return [batchOf(events.slice(0, half)), batchOf(events.slice(half))]
}

/** @param events at least one */
function batchOf(events: readonly ImportedEvent[]): ImportBatch {
  const groups = new Map<string, NewEvent[]>()
  for (const { stream, event } of events) {
    const group = groups.get(stream)
    if (group === undefined) groups.set(stream, [event])
    else group.push(event)
  }
  return {
    events,
    appends: [...groups].map(([stream, group]) => ({ stream, events: group })),
    count: events.length,
    firstLine: events[0]!.line,
    line: events.at(-1)!.line,
  }
}

/** A sixth of the bytes that an event may take at most, or more; not all of one that is larger than a batch. */
function sizeOf({ stream, event }: ImportedEvent): number {
  return 32 + stream.length + sizeOfValue(event)
}

function sizeOfValue(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length
  if (typeof value !== 'object' || value === null) return 4
  let size = 1
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && size <= MAX_SIZE; at++) size += sizeOfValue(value[at])
    return size
  }
  for (const key in value) {
    size += 1 + key.length + sizeOfValue((value as Record<string, unknown>)[key])
    if (size > MAX_SIZE) break
  }
  return size
}
