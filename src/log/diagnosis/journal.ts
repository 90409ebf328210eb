import { Lines } from '../../event/lines.ts'
import { JournalCorruptError } from '../../journal/errors.ts'
import { openFileJournal } from '../../journal/file-journal.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import { readEntries, releasedPosition, scanLiveSegments } from '../../journal/stored-segment.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import type { Repository } from '../../repository/repository.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { BatchSource } from '../batch-source.ts'
import type { BranchState } from '../branch.ts'
import { LogDivergedError } from '../errors.ts'
import { indexRun } from '../history.ts'
import { LogIndex } from '../log-index.ts'
import { ownDirectory } from '../log-repository.ts'
import { findMissing, recoverTail } from '../recovery.ts'
import type { Ailment, Doctor } from './ailment.ts'
import { describePositions, readIntactEntries } from './salvage.ts'

/** Where the journal of a log lies. */
export function journalDirectory(repository: Repository): string {
  return `${ownDirectory(repository)}/journal`
}

/** A journal that was set aside until its events are appended anew. */
export const ASIDE_PREFIX = 'journal.diverged-'

/**
 * What the journal says beside the branch: whether it is whole, and whether its events are committed.
 *
 * Beside a live writer only damage is looked for: that events wait to be sealed is then as it should be.
 * Events that wait cost a replay of the whole log, to see whether they follow on the branch.
 */
export async function diagnoseJournal(
  repository: Repository,
  branch: BranchState,
  reader: GitReader,
  { fileSystem }: Doctor,
  hasWriter: boolean,
): Promise<Ailment[]> {
  const ailments = await diagnoseEntries(journalDirectory(repository), branch, reader, fileSystem, hasWriter)
  // After the journal itself: their treatment opens the log, which a damaged journal prevents.
  return [...ailments, ...(await findSetAside(repository, fileSystem))]
}

async function diagnoseEntries(
  path: string,
  branch: BranchState,
  reader: GitReader,
  fileSystem: FileSystem,
  hasWriter: boolean,
): Promise<Ailment[]> {
  const ailments: Ailment[] = []
  const source = new BatchSource(reader)
  let entries: JournalEntry[]
  try {
    const segments = await scanLiveSegments(fileSystem, path)
    if (hasWriter) return ailments
    const torn = segments.find(({ scan }) => scan.used > scan.end)
    if (torn !== undefined) ailments.push(describeTorn(torn.path, torn.scan.end))
    entries = await collect(readEntries(fileSystem, segments, () => releasedPosition(segments)))
  } catch (error) {
    if (!(error instanceof JournalCorruptError)) throw error
    return [await describeCorrupt(error, path, branch, source, fileSystem)]
  }
  const waiting = entries.filter(({ first, count }) => first + count - 1 > branch.position)
  const isReplaced = !(await areCommitted(entries, branch, source))
  if (waiting.length === 0 && !isReplaced) return ailments
  const index = await replay(branch, source)
  // Before the next step, which takes the journaled events into the index.
  const missing = await findMissing(entries, index, branch, source)
  const isFollowing = !isReplaced && (await follows(path, fileSystem, branch, index, source))
  if (isFollowing) ailments.push(describeUnsealed(waiting, path))
  else if (missing.length > 0) ailments.push(describeDiverged(missing, branch, path))
  else if (waiting.length > 0) ailments.push(describeSuperseded(waiting, path))
  return ailments
}

function describeTorn(path: string, offset: number): Ailment {
  const message = `the last write to ${path} was cut short at byte ${offset}: it was never acknowledged`
  const remedy = 'Cuts it off, and commits what stands before it. The next writer does the same.'
  return { code: 'journal-torn', severity: 'info', message, remedy, canFix: true, path }
}

function describeUnsealed(waiting: readonly JournalEntry[], path: string): Ailment {
  const message = `${describePositions(waiting)} are in the journal and not committed yet`
  const remedy = 'Commits them. The next writer does the same.'
  return { code: 'events-unsealed', severity: 'info', message, remedy, canFix: true, path }
}

function describeDiverged(missing: readonly JournalEntry[], branch: BranchState, path: string): Ailment {
  const message = `${describePositions(missing)} are acknowledged and in the journal, but somebody else moved the branch: it ends at position ${branch.position} without them`
  const remedy = `Appends them behind position ${branch.position}, with new positions and versions and their old ids. To undo the foreign commits instead, move the branch back.`
  return { code: 'log-diverged', severity: 'error', message, remedy, canFix: true, path }
}

/** Opening the log refuses such a journal too, although nothing is missing. */
function describeSuperseded(waiting: readonly JournalEntry[], path: string): Ailment {
  const message = `${describePositions(waiting)} are in the journal, but the branch holds the same events at other positions`
  const remedy = 'Sets the journal aside. No event is appended.'
  return { code: 'log-diverged', severity: 'error', message, remedy, canFix: true, path }
}

async function describeCorrupt(
  error: JournalCorruptError,
  path: string,
  branch: BranchState,
  source: BatchSource,
  fileSystem: FileSystem,
): Promise<Ailment> {
  const { position } = branch
  const { intact, beyond } = await readIntactEntries(fileSystem, path, branch, source)
  const kept = position + intact.reduce((sum, { count }) => sum + count, 0)
  const rest =
    beyond.length === 0 ? '' : ` ${describePositions(beyond)} can still be read in it, behind the damage.`
  const remedy = `Moves the journal aside, as it is, to ${path}.damaged-<time>, and goes on with positions 1 to ${kept}: 1 to ${position} are committed, the rest stands whole before the damage.${rest}`
  return { code: 'journal-corrupt', severity: 'error', message: error.message, remedy, canFix: true, path }
}

async function findSetAside(repository: Repository, fileSystem: FileSystem): Promise<Ailment[]> {
  const own = ownDirectory(repository)
  const names = await fileSystem.list(own).catch(() => [])
  return names
    .filter((name) => name.startsWith(ASIDE_PREFIX))
    .map((name) => ({
      code: 'journal-aside',
      severity: 'error',
      message: `${own}/${name} holds acknowledged events: their treatment was cut short`,
      remedy: 'Appends those that the log does not hold yet.',
      canFix: true,
      path: `${own}/${name}`,
    }))
}

/** Whether the branch holds the journaled events at their positions, as far as it reaches. */
async function areCommitted(
  entries: readonly JournalEntry[],
  branch: BranchState,
  source: BatchSource,
): Promise<boolean> {
  for (const { first, count, lines } of entries) {
    const last = first + count - 1
    if (last > branch.position) break
    const run = await source.load(branch.tree.find(last)!)
    if (run.lines.id(last - run.first) !== Lines.fromBytes(lines, 'journal').id(count - 1)) return false
  }
  return true
}

async function replay({ tree }: BranchState, source: BatchSource): Promise<LogIndex> {
  const index = new LogIndex()
  for await (const run of source.replay(tree, 1)) indexRun(index, run, tree)
  return index
}

/** Whether opening would take the journaled events up. */
async function follows(
  directory: string,
  fileSystem: FileSystem,
  branch: BranchState,
  index: LogIndex,
  source: BatchSource,
): Promise<boolean> {
  const journal = await openFileJournal({ directory, fileSystem, readOnly: true })
  try {
    await recoverTail(journal, branch, index, source)
    return true
  } catch (error) {
    if (error instanceof LogDivergedError) return false
    throw error
  } finally {
    await journal.close()
  }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}
