import { Lines } from '../event/lines.ts'
import { groupEntries, type Journal, type JournalEntry } from '../journal/journal.ts'
import type { BatchSource } from './batch-source.ts'
import type { BranchState } from './branch.ts'
import { LogDivergedError } from './errors.ts'
import { holdsId } from './history.ts'
import type { LogIndex } from './log-index.ts'
import { UnsealedRun } from './run.ts'

/** Recovered appends are handed on in runs of about this many bytes. */
const RUN = 1 << 20

/**
 * Finds the events that are in the journal and not in the branch, adds them to the index and returns them.
 *
 * What is committed already is passed over, after a look whether it is the same; what does not follow on
 * the branch means that somebody else moved it.
 *
 * @throws LogDivergedError: the journal keeps the events
 */
export async function recoverTail(
  journal: Journal,
  branch: BranchState,
  index: LogIndex,
  source: BatchSource,
): Promise<UnsealedRun[]> {
  const entries: JournalEntry[] = []
  let lastCommitted: JournalEntry | undefined
  for await (const entry of journal.read()) {
    if (entry.first + entry.count - 1 <= branch.position) lastCommitted = entry
    else entries.push(entry)
  }
  const diverged = (missing: readonly JournalEntry[], cause?: unknown) => {
    const unsealed = missing.reduce((sum, { count }) => sum + count, 0)
    return new LogDivergedError(undefined, branch.commit, unsealed, { cause })
  }
  const isSame = lastCommitted === undefined || (await isCommitted(lastCommitted, branch, source))
  if (!isSame) {
    const missing = await findMissing(journal.read(), index, branch, source)
    if (missing.length > 0) throw diverged(missing)
  }

  const runs: UnsealedRun[] = []
  for (const group of groups(entries)) {
    if (group[0]!.first !== index.count + 1) throw diverged(entries)
    const run = new UnsealedRun(groupEntries(group))
    const misfit = index.addLines(run.lines)
    if (misfit !== undefined)
      throw diverged(entries, new Error(`${misfit.problem}; expected ${misfit.expected}`))
    runs.push(run)
  }
  return runs
}

/** Whether the branch, which reaches as far, holds the event that an entry ends with, at its position. */
export async function isCommitted(
  entry: JournalEntry,
  { tree }: BranchState,
  source: BatchSource,
): Promise<boolean> {
  const last = entry.first + entry.count - 1
  const { first, lines } = await source.load(tree.find(last)!)
  const journaled = Lines.fromBytes(entry.lines, 'journal')
  return lines.id(last - first) === journaled.id(journaled.count - 1)
}

/** The entries of which the branch does not hold every event, at whatever position. */
export async function findMissing(
  entries: Iterable<JournalEntry> | AsyncIterable<JournalEntry>,
  index: LogIndex,
  { tree }: BranchState,
  source: BatchSource,
): Promise<JournalEntry[]> {
  const missing: JournalEntry[] = []
  for await (const entry of entries) {
    const lines = Lines.fromBytes(entry.lines, 'journal')
    const ids = Array.from({ length: lines.count }, (_, line) => lines.id(line))
    const areCommitted = await Promise.all(ids.map((id) => holdsId(index, id, tree, source)))
    if (areCommitted.includes(false)) missing.push(entry)
  }
  return missing
}

function* groups(entries: readonly JournalEntry[]): Generator<JournalEntry[]> {
  let group: JournalEntry[] = []
  let size = 0
  let next = 0
  for (const entry of entries) {
    const fits = entry.first === next && size + entry.lines.length <= RUN
    if (!fits && group.length > 0) {
      yield group
      group = []
      size = 0
    }
    group.push(entry)
    size += entry.lines.length
    next = entry.first + entry.count
  }
  if (group.length > 0) yield group
}
