import { join } from 'node:path'
import { decodeEntries, type Frame, findFrame, hasItsLines, MAGIC } from '../../journal/frame.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import { parseSegmentName } from '../../journal/segment.ts'
import type { FileSystem } from '../../system/file-system.ts'
import type { BatchSource } from '../batch-source.ts'
import type { BranchState } from '../branch.ts'
import { isCommitted } from '../recovery.ts'

/** What can be read of a damaged journal and is not in the branch. */
export interface IntactEntries {
  /** Those that follow on what the branch has of the journal, without a gap, up to the damage. */
  readonly intact: readonly JournalEntry[]
  /** Those behind the damage: whole, but what stood between is lost. */
  readonly beyond: readonly JournalEntry[]
}

/**
 * Reads every whole frame of a journal that cannot be opened. Changes nothing.
 *
 * That the branch reaches as far as an entry does not say that it holds it: somebody else may have moved it.
 */
export async function readIntactEntries(
  fileSystem: FileSystem,
  directory: string,
  branch: BranchState,
  source: BatchSource,
): Promise<IntactEntries> {
  const { entries, released } = await readWholeEntries(fileSystem, directory)
  const committed = Math.max(released, await findCommitted(entries, branch, source))
  const intact: JournalEntry[] = []
  const beyond: JournalEntry[] = []
  let next = committed + 1
  for (const entry of entries) {
    if (lastOf(entry) <= committed) continue
    // Damage to what the branch has passed is damage to what it holds, as far as anybody can tell.
    const isFirst = intact.length === 0 && entry.first === branch.position + 1
    const isNext = beyond.length === 0 && (entry.first === next || isFirst)
    if (isNext) next = lastOf(entry) + 1
    ;(isNext ? intact : beyond).push(entry)
  }
  return { intact, beyond }
}

/** All entries that are whole, and up to where one of them says that they were no longer needed. */
async function readWholeEntries(
  fileSystem: FileSystem,
  directory: string,
): Promise<{ readonly entries: readonly JournalEntry[]; readonly released: number }> {
  const names = await fileSystem.list(directory)
  const segments = names
    .map((name) => ({ name, first: parseSegmentName(name) }))
    .filter(({ first }) => first !== undefined)
    .sort((left, right) => left.first! - right.first!)
  const entries: JournalEntry[] = []
  let released = 0
  for (const { name } of segments) {
    const bytes = await fileSystem.readFile(join(directory, name))
    for (const frame of wholeFrames(bytes)) {
      released = Math.max(released, frame.released)
      for (const entry of decodeEntries(bytes, frame)) if (hasItsLines(entry)) entries.push(entry)
    }
  }
  return { entries, released }
}

/** Up to where the branch holds the events of a journal at their positions: one that it holds stands behind the rest. */
async function findCommitted(
  entries: readonly JournalEntry[],
  branch: BranchState,
  source: BatchSource,
): Promise<number> {
  for (const entry of entries.toReversed()) {
    if (lastOf(entry) > branch.position) continue
    if (await isCommitted(entry, branch, source)) return lastOf(entry)
  }
  return 0
}

function* wholeFrames(bytes: Buffer): Generator<Frame> {
  for (let at = nextFrame(bytes, 0); at < bytes.length; ) {
    const frame = findFrame(bytes, at)!
    yield frame
    at = nextFrame(bytes, frame.end)
  }
}

function lastOf({ first, count }: JournalEntry): number {
  return first + count - 1
}

/** Where the next whole frame begins, past NULs and damage; the end where there is none. */
function nextFrame(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (findFrame(bytes, at) !== undefined) return at
  }
  return bytes.length
}

/** "The 5 events at positions 8 to 12", or several ranges. */
export function describePositions(entries: readonly JournalEntry[]): string {
  const ranges: { first: number; last: number }[] = []
  for (const { first, count } of entries) {
    const current = ranges.at(-1)
    if (current !== undefined && first === current.last + 1) current.last += count
    else ranges.push({ first, last: first + count - 1 })
  }
  const events = entries.reduce((sum, { count }) => sum + count, 0)
  const places = ranges
    .map(({ first, last }) => (first === last ? `${first}` : `${first} to ${last}`))
    .join(', ')
  return events === 1 ? `the event at position ${places}` : `the ${events} events at positions ${places}`
}
