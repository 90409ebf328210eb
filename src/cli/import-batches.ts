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
 * About the most that the events of a batch hold, in bytes. Stored they may take six times as much, which an
 * append may, and they are in memory twice: while a batch is on its way to the disk the next one is read.
 */
const MAX_BYTES = 1 << 20

/**
 * Groups events into batches of at most `size`. An append names a stream once, so a batch ends early where
 * a stream comes back after another one: the log keeps the order of the file. It also ends early where an
 * event comes a second time, and before it takes more than one append may.
 */
export async function* batchesOf(
  events: AsyncIterable<ImportedEvent>,
  size: number,
): AsyncGenerator<ImportBatch> {
  let taken: ImportedEvent[] = []
  let bytes = 0
  const streams = new Set<string>()
  const ids = new Set<string>()
  const take = (): ImportBatch => {
    const batch = batchOf(taken)
    taken = []
    bytes = 0
    streams.clear()
    ids.clear()
    return batch
  }
  for await (const imported of events) {
    const { stream, event } = imported
    const { id } = event
    const more = bytesOf(event)
    const isTooLarge = taken.length > 0 && bytes + more > MAX_BYTES
    const comesBack = streams.has(stream) && stream !== taken.at(-1)?.stream
    if (isTooLarge || comesBack || (id !== undefined && ids.has(id))) yield take()
    taken.push(imported)
    streams.add(stream)
    if (id !== undefined) ids.add(id)
    bytes += more
    // At once: the next event of a feed may be long in coming.
    if (taken.length === size) yield take()
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

/** About how many bytes an event, or a value in it, takes. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return 1
  let bytes = 1
  for (const [key, one] of Object.entries(value)) bytes += Buffer.byteLength(key) + bytesOf(one)
  return bytes
}
