import type { RecordedEvent } from '../event/event.ts'
import type { ReadOptions } from '../log/reading.ts'
import type { Log } from '../opened-log.ts'
import { option } from './command.ts'
import { printEvent } from './event-text.ts'
import { parseCount } from './input-values.ts'
import type { Output } from './output.ts'

/** How many of the last events are shown where nobody says how many. */
const SHOWN_FIRST = 10

export const linesInput = option(
  '-n, --lines <n>',
  `how many of the last events to print first (default: ${SHOWN_FIRST})`,
  parseCount,
)

/** Where following begins: the events shown before it, and the first position, or version, after them. */
export interface TailStart {
  readonly events: readonly RecordedEvent[]
  readonly next: number
}

/** The last events that are asked for, oldest first. */
export async function findTailStart(
  log: Pick<Log, 'read'>,
  options: ReadOptions,
  count = SHOWN_FIRST,
): Promise<TailStart> {
  const events: RecordedEvent[] = []
  // With none to show, the last one still says where new ones begin.
  const limit = Math.max(1, count)
  for await (const event of log.read({ ...options, direction: 'backwards', limit })) events.push(event)
  const [last] = events
  const place = options.stream === undefined ? last?.position : last?.version
  return { events: count === 0 ? [] : events.reverse(), next: (place ?? 0) + 1 }
}

/** Prints the events that are shown first, and all that come after them, each at once. */
export async function printTail(
  log: Pick<Log, 'read'>,
  options: ReadOptions,
  { events, next }: TailStart,
  json: boolean,
  output: Output,
): Promise<void> {
  for (const event of events) await printEvent(event, json, output)
  await output.flush()
  for await (const event of log.read({ ...options, from: next, follow: true })) {
    await printEvent(event, json, output)
    await output.flush()
  }
}
