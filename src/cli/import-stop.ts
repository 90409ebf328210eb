import { MemoirError } from '../event/errors.ts'
import type { ImportRun } from './import-run.ts'
import { countOf } from './number-text.ts'

/** After these errors only the log, opened again, can say whether what was being appended is stored. */
const UNDECIDED: ReadonlySet<string> = new Set(['journal-failed', 'not-shown'])

/**
 * How far an import came that an error stopped, and how to go on so that nothing is stored twice.
 *
 * @param skipped how many events of the file were left out from the start
 */
export function describeStop(
  { extent, failed }: Pick<ImportRun, 'extent' | 'failed'>,
  error: unknown,
  skipped: number,
): string {
  const { events, repeated, line } = extent
  const done = skipped + events + repeated
  const stored = repeated === 0 ? '' : `, ${countOf(repeated, 'event')} stored already`
  const parts = [
    events + repeated === 0
      ? 'Stopped: nothing was imported.'
      : `Stopped: ${countOf(events, 'event')} imported${stored}, the last from line ${line}.`,
  ]
  const batch = failed && `the batch from line ${failed.firstLine} to line ${failed.line}`
  if (failed !== undefined && !isRefusal(error)) {
    parts.push(
      `Whether ${batch} is stored is not known: look at the end of the log.`,
      `To go on, run it again with --skip ${done + failed.count} if it is, else with --skip ${done}.`,
    )
    return parts.join(' ')
  }
  if (batch !== undefined) parts.push(`T${batch.slice(1)} was refused.`)
  if (events + repeated > 0) parts.push(`To go on, run it again with --skip ${done}.`)
  return parts.join(' ')
}

/** Whether an append that failed so has stored nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof MemoirError && !UNDECIDED.has(error.code)
}
