import { join } from 'node:path'
import { decodeEntries, findFrame, MAGIC } from '../../journal/frame.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import { parseSegmentName } from '../../journal/segment.ts'
import type { FileSystem } from '../../system/file-system.ts'

/** What can be read of a damaged journal beyond what is committed. */
export interface IntactEntries {
  /** Those that follow on the branch without a gap, up to the damage. */
  readonly intact: readonly JournalEntry[]
  /** Those behind the damage: whole, but what stood between is lost. */
  readonly beyond: readonly JournalEntry[]
}

/** Reads every whole frame of a journal that cannot be opened. Changes nothing. */
export async function readIntactEntries(
  fileSystem: FileSystem,
  directory: string,
  committed: number,
): Promise<IntactEntries> {
  const names = await fileSystem.list(directory)
  const segments = names
    .map((name) => ({ name, first: parseSegmentName(name) }))
    .filter(({ first }) => first !== undefined)
    .sort((left, right) => left.first! - right.first!)
  const intact: JournalEntry[] = []
  const beyond: JournalEntry[] = []
  let next = committed + 1
  for (const { name } of segments) {
    for (const entry of wholeEntries(await fileSystem.readFile(join(directory, name)))) {
      if (entry.first + entry.count - 1 <= committed) continue
      const isNext = entry.first === next && beyond.length === 0
      if (isNext) next += entry.count
      ;(isNext ? intact : beyond).push(entry)
    }
  }
  return { intact, beyond }
}

function* wholeEntries(bytes: Buffer): Generator<JournalEntry> {
  for (let at = nextFrame(bytes, 0); at < bytes.length; ) {
    const frame = findFrame(bytes, at)!
    yield* decodeEntries(bytes, frame)
    at = nextFrame(bytes, frame.end)
  }
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
