import { UsageError } from '../event/errors.ts'
import { parseTime } from '../event/time.ts'
import { BatchSource } from '../log/batch-source.ts'
import { readBranchState } from '../log/branch.ts'
import { CommitNotFoundError, EventNotFoundError, HistoryChangedError } from '../log/errors.ts'
import { commonPosition } from '../log/history.ts'
import type { LogState } from '../log/log-state.ts'
import { ObjectMissingError } from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { isObjectId } from '../repository/object.ts'

/**
 * A point in the history of a log:
 *
 * - a number: after the event at that position; 0 is before the first
 * - a commit's full id: what that commit holds
 * - a Date, or a text such as `2026-11-01` (midnight, UTC), `2026-11-01T09:30Z` or `2026-11-01T09:30:00+01:00`:
 *   what the log had recorded by then
 */
export type PointInTime = number | string | Date

const DATE = /^\d{4}-\d\d-\d\d$/
const WITHOUT_SECONDS = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(Z|[+-]\d\d:\d\d)$/

/** A point in time, read. */
export type ParsedPoint =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'commit'; readonly commit: string }
  | { readonly kind: 'time'; readonly timeMs: number }

/** @throws UsageError for what is no point in time */
export function parsePoint(point: PointInTime): ParsedPoint {
  if (typeof point === 'number') {
    if (!Number.isSafeInteger(point) || point < 0) throw notAPoint(point)
    return { kind: 'position', position: point }
  }
  if (typeof point === 'string' && isObjectId(point)) return { kind: 'commit', commit: point }
  const timeMs = point instanceof Date ? point.getTime() : parseDate(point)
  if (timeMs === undefined || Number.isNaN(timeMs)) throw notAPoint(point)
  return { kind: 'time', timeMs }
}

/**
 * The last position of a log that a point in time takes in.
 *
 * @throws EventNotFoundError for a position beyond the end
 * @throws CommitNotFoundError for a commit that is not on the branch
 * @throws HistoryChangedError for a commit whose events a later one has changed
 * @throws UsageError for anything else that is no point in time
 */
export async function findPosition(point: PointInTime, state: LogState, reader: GitReader): Promise<number> {
  const parsed = parsePoint(point)
  switch (parsed.kind) {
    case 'position':
      if (parsed.position <= state.visible.position) return parsed.position
      throw new EventNotFoundError(parsed.position, state.visible.position)
    case 'commit':
      return positionOfCommit(parsed.commit, state, reader)
    case 'time':
      return Math.min(state.index.positionAt(parsed.timeMs), state.visible.position)
  }
}

async function positionOfCommit(commit: string, { branch }: LogState, reader: GitReader): Promise<number> {
  const isKnown = await isCommit(commit, reader)
  if (!isKnown || !(await reader.isAncestor(commit, branch.commit))) throw new CommitNotFoundError(commit)
  const source = new BatchSource(reader)
  const held = await readBranchState(commit, reader, source, branch)
  // A commit may have taken events away before this log was opened: then what is there now is not what it holds.
  const common = await commonPosition(held, branch, source)
  if (common < held.position) throw new HistoryChangedError(branch.commit, common + 1)
  return held.position
}

async function isCommit(oid: string, reader: GitReader): Promise<boolean> {
  try {
    return (await reader.read(oid)).type === 'commit'
  } catch (error) {
    if (error instanceof ObjectMissingError) return false
    throw error
  }
}

function parseDate(text: string): number | undefined {
  if (typeof text !== 'string') return undefined
  return parseTime(DATE.test(text) ? `${text}T00:00:00Z` : text.replace(WITHOUT_SECONDS, '$1:00$2'))
}

function notAPoint(point: unknown): UsageError {
  const shown = point instanceof Date ? 'an invalid Date' : JSON.stringify(point)
  return new UsageError(`${shown} is no point in the history of a log`, {
    hint: "Give a position (42), a commit's full id, or a date: 2026-11-01, 2026-11-01T09:30Z, 2026-11-01T09:30:00+01:00.",
  })
}
