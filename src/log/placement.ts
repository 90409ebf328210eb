import type { AppendCondition } from '../event/condition.ts'
import type { JsonWriter } from '../event/json-writer.ts'
import { writeLine } from '../event/new-event.ts'
import { formatTime } from '../event/time.ts'
import { checkAppend, checkTimes, type PreparedAppend, recordedTime } from './append-check.ts'
import type { LogIndex } from './log-index.ts'

/** A stream, and its version after an append. */
export interface StreamPlace {
  readonly stream: string
  readonly version: number
}

/** What an append became. */
export interface AppendResult {
  /** Version of the stream after the append; of the first stream where there are several. */
  readonly version: number
  /** Position of the last event. */
  readonly position: number
  /** Position of the first event. */
  readonly firstPosition: number
  /** Each stream with its version after the append. */
  readonly streams: readonly StreamPlace[]
  /** Ids of the events, in order. */
  readonly ids: readonly string[]
  /** The commit that holds the events; known from the ack level `committed` on. */
  readonly commit?: string
}

/**
 * Checks an append, gives its events the next versions and positions, and writes their lines behind those that stand in `lines`.
 *
 * @throws ConcurrencyError, TimeBackwardsError; whatever it throws, the index is as it was, and nothing was written
 */
export function place(
  index: LogIndex,
  appends: readonly PreparedAppend[],
  condition: AppendCondition | undefined,
  nowMs: number,
  lines: JsonWriter,
): AppendResult {
  checkAppend(index, appends, condition)
  checkTimes(appends, index.lastTime, nowMs)
  const firstPosition = index.count + 1
  const streams = new Array<StreamPlace>(appends.length)
  const { used } = lines
  try {
    for (let at = 0; at < appends.length; at++) streams[at] = placeEvents(index, appends[at]!, nowMs, lines)
  } catch (error) {
    // An event in the index without its line would shift all that come after it.
    index.truncate(firstPosition - 1)
    lines.used = used
    throw error
  }
  return { version: streams[0]!.version, position: index.count, firstPosition, streams, ids: idsOf(appends) }
}

function placeEvents(
  index: LogIndex,
  { stream, events }: PreparedAppend,
  nowMs: number,
  lines: JsonWriter,
): StreamPlace {
  let version = 0
  for (const event of events) {
    const { id, type, tags } = event
    const timeMs = recordedTime(event.timeMs, index.lastTime, nowMs)
    version = index.add(stream, type, tags, timeMs, index.idHash(id))
    writeLine(lines, stream, event, version, formatTime(timeMs))
  }
  return { stream, version }
}

/** Nearly always there is one append, and a flat map of it takes as long as a sixth of all else that is done here. */
function idsOf(appends: readonly PreparedAppend[]): string[] {
  return appends.length === 1
    ? appends[0]!.events.map(eventId)
    : appends.flatMap(({ events }) => events.map(eventId))
}

function eventId({ id }: { readonly id: string }): string {
  return id
}
