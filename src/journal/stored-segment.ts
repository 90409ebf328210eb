import { join } from 'node:path'
import type { FileSystem } from '../system/file-system.ts'
import { isMissing } from './directory.ts'
import { JournalCorruptError } from './errors.ts'
import { decodeEntries, hasItsLines } from './frame.ts'
import type { JournalEntry } from './journal.ts'
import { type SegmentScan, scanSegment, walkFrames } from './recovery.ts'
import { parseSegmentName } from './segment.ts'

/** A segment file as it was found, its frames checked. */
export interface StoredSegment {
  readonly path: string
  readonly size: number
  readonly scan: SegmentScan
}

/**
 * Checks all segments of a directory, one at a time, oldest first.
 *
 * @throws JournalCorruptError when events that were on the disk are damaged or missing.
 */
export async function scanSegments(fileSystem: FileSystem, directory: string): Promise<StoredSegment[]> {
  const found: StoredSegment[] = []
  for (const path of await listSegments(fileSystem, directory)) {
    const bytes = await readIfPresent(fileSystem, path)
    if (bytes === undefined) continue
    const scan = scanSegment(bytes, { last: lastPosition(found) })
    if (scan.used > 0) refuseTornPredecessor(found, path)
    if (scan.corruption !== undefined) {
      throw new JournalCorruptError(path, scan.corruption.offset, scan.corruption.finding)
    }
    found.push({ path, size: bytes.length, scan })
  }
  return found
}

/**
 * The same beside a process that may be writing: what looks like damage can be a write that was seen half,
 * and is whole by the next look. Damage that stays in its place is real.
 */
export async function scanLiveSegments(fileSystem: FileSystem, directory: string): Promise<StoredSegment[]> {
  let seen: JournalCorruptError | undefined
  for (;;) {
    try {
      return await scanSegments(fileSystem, directory)
    } catch (error) {
      if (!(error instanceof JournalCorruptError)) throw error
      if (error.path === seen?.path && error.offset === seen.offset) throw error
      seen = error
    }
  }
}

/** Position of the last event in these segments. */
export function lastPosition(segments: readonly StoredSegment[]): number | undefined {
  return segments.findLast(holdsFrames)?.scan.lastFrame?.last
}

/** The highest position that a frame in these segments calls released; 0 when none does. */
export function releasedPosition(segments: readonly StoredSegment[]): number {
  return segments.findLast(holdsFrames)?.scan.lastFrame?.released ?? 0
}

export function holdsFrames({ scan }: StoredSegment): boolean {
  return scan.lastFrame !== undefined
}

/** Decodes the entries after a position. A segment that is gone was released meanwhile. */
export async function* readEntries(
  fileSystem: FileSystem,
  segments: readonly StoredSegment[],
  after: () => number,
): AsyncGenerator<JournalEntry> {
  for (const { path, scan } of segments) {
    if (scan.lastFrame === undefined || scan.lastFrame.last <= after()) continue
    const bytes = await readIfPresent(fileSystem, path)
    if (bytes === undefined) continue
    for (const frame of walkFrames(bytes.subarray(0, scan.end))) {
      if (frame.last <= after()) continue
      for (const entry of decodeEntries(bytes, frame)) {
        if (!hasItsLines(entry)) {
          const finding = `the entry of position ${entry.first} has not a line of UTF-8 for each of its ${entry.count} events`
          throw new JournalCorruptError(path, frame.offset, finding)
        }
        if (entry.first + entry.count - 1 > after()) yield entry
      }
    }
  }
}

async function listSegments(fileSystem: FileSystem, directory: string): Promise<string[]> {
  const names = await fileSystem.list(directory).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  return names
    .flatMap((name) => ({ name, first: parseSegmentName(name) ?? -1 }))
    .filter(({ first }) => first >= 0)
    .sort((a, b) => a.first - b.first)
    .map(({ name }) => join(directory, name))
}

async function readIfPresent(fileSystem: FileSystem, path: string): Promise<Buffer | undefined> {
  try {
    return await fileSystem.readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

// A segment is synced before the next one gets its name, so only the last may end in a torn write.
function refuseTornPredecessor(found: readonly StoredSegment[], successor: string): void {
  const torn = found.find(({ scan }) => scan.used > scan.end)
  if (torn === undefined) return
  throw new JournalCorruptError(torn.path, torn.scan.end, `no valid frame, but ${successor} comes after it`)
}
