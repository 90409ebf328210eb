import type { AppendCondition } from '../event/condition.ts'
import { hashId } from '../event/lines.ts'
import { encodeLine } from '../event/new-event.ts'
import { formatTime } from '../event/time.ts'
import type { JournalEntry } from '../journal/journal.ts'
import { assignTimes, checkAppend, type PreparedAppend } from './append-check.ts'
import type { LogIndex } from './log-index.ts'

/** What an append became. */
export interface AppendResult {
  /** Version of the stream after the append; of the first stream where there are several. */
  readonly version: number
  /** Position of the last event. */
  readonly position: number
  /** Position of the first event. */
  readonly firstPosition: number
  /** Each stream with its version after the append. */
  readonly streams: readonly { readonly stream: string; readonly version: number }[]
  /** Ids of the events, in order. */
  readonly ids: readonly string[]
  /** The commit that holds the events; known from the ack level `committed` on. */
  readonly commit?: string
}

/** An append that has its place in the log: it is in the index, and nowhere else yet. */
export interface Placement extends JournalEntry {
  readonly result: AppendResult
}

/**
 * Checks an append and gives its events the next versions and positions.
 *
 * @throws ConcurrencyError, TimeBackwardsError: the index is as it was
 */
export function place(
  index: LogIndex,
  appends: readonly PreparedAppend[],
  condition: AppendCondition | undefined,
  nowMs: number,
): Placement {
  checkAppend(index, appends, condition)
  const times = assignTimes(appends, index.lastTime, nowMs)
  const first = index.count + 1
  const streams: { stream: string; version: number }[] = []
  const ids: string[] = []
  let lines = ''
  for (const { stream, events } of appends) {
    let version = 0
    for (const event of events) {
      const { id, type, tags } = event
      const timeMs = times[ids.length]!
      version = index.add({ stream, type, tags, timeMs, idHash: hashId(id) })
      lines += encodeLine(event, version, formatTime(timeMs))
      ids.push(id)
    }
    streams.push({ stream, version })
  }
  const result = { version: streams[0]!.version, position: index.count, firstPosition: first, streams, ids }
  return { first, count: ids.length, lines, result }
}
