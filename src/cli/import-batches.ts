import type { NewEvent } from '../event/event.ts'
import type { ImportedEvent } from './import/imported-event.ts'

/** Consecutive events of a file, appended all or none. */
export interface ImportBatch {
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
 * a stream comes back after another one: the log keeps the order of the file. It also ends early before it
 * takes more than one append may.
 */
export async function* batchesOf(
  events: AsyncIterable<ImportedEvent>,
  size: number,
): AsyncGenerator<ImportBatch> {
  let groups = new Map<string, NewEvent[]>()
  let current: string | undefined
  let count = 0
  let bytes = 0
  let firstLine = 0
  let line = 0
  const take = (): ImportBatch => {
    const batch = {
      appends: [...groups].map(([stream, group]) => ({ stream, events: group })),
      count,
      firstLine,
      line,
    }
    groups = new Map()
    current = undefined
    count = 0
    bytes = 0
    return batch
  }
  for await (const imported of events) {
    const { stream, event } = imported
    const more = bytesOf(event)
    if (count > 0 && bytes + more > MAX_BYTES) yield take()
    if (stream !== current && groups.has(stream)) yield take()
    const group = groups.get(stream)
    if (group === undefined) groups.set(stream, [event])
    else group.push(event)
    current = stream
    if (count === 0) firstLine = imported.line
    count++
    bytes += more
    line = imported.line
    // At once: the next event of a feed may be long in coming.
    if (count === size) yield take()
  }
  if (count > 0) yield take()
}

/** About how many bytes an event, or a value in it, takes. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return 1
  let bytes = 1
  for (const [key, one] of Object.entries(value)) bytes += Buffer.byteLength(key) + bytesOf(one)
  return bytes
}
