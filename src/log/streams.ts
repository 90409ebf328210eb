import { checkOptionKinds } from '../event/option-kinds.ts'
import { formatTime } from '../event/time.ts'
import type { LogIndex } from './log-index.ts'

/** A stream, and where it stands. */
export interface StreamSummary {
  readonly stream: string
  /** How many events it has. */
  readonly version: number
  /** Position of its last event. */
  readonly position: number
  /** When its last event was recorded. */
  readonly time: string
}

/**
 * The streams that there were when a position was the last one, in the order in which they first appeared. Costs a look
 * at each stream of the log.
 *
 * @throws UsageError
 */
export function streamsAt(
  index: LogIndex,
  lastPosition: number,
  options: { readonly prefix?: string } = {},
): StreamSummary[] {
  checkOptionKinds('streams', options, { prefix: 'text' })
  const { prefix = '' } = options
  return index.streams.all().flatMap((stream, number) => {
    if (!stream.startsWith(prefix)) return []
    const { version, position } = index.chains.headAt(number, lastPosition)
    return version === 0 ? [] : [{ stream, version, position, time: formatTime(index.time(position)) }]
  })
}

/**
 * How many streams there were when a position was the last one. Their numbers are in the order of their first events, so
 * it costs a look at those that came since.
 */
export function countStreamsAt({ streams, chains }: LogIndex, lastPosition: number): number {
  let { count } = streams
  while (count > 0 && chains.headAt(count - 1, lastPosition).version === 0) count--
  return count
}

/** The version that a stream had when a position was the last one; 0 if it did not exist. */
export function versionAt(index: LogIndex, stream: string, lastPosition: number): number {
  const number = index.streams.find(stream)
  return number === undefined ? 0 : index.chains.headAt(number, lastPosition).version
}
