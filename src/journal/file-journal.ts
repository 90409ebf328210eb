import { join } from 'node:path'
import { type FileSystem, nodeFileSystem } from '../system/file-system.ts'
import { makeDurableDirectory } from './directory.ts'
import { JournalFailedError, JournalFullError, JournalMisuseError } from './errors.ts'
import { FrameEncoder } from './frame.ts'
import type { Durability, Journal, JournalEntry, JournalGroup } from './journal.ts'
import { isTemporaryName, nextSegmentBytes, Segment } from './segment.ts'
import {
  holdsFrames,
  lastPosition,
  readEntries,
  releasedPosition,
  type StoredSegment,
  scanLiveSegments,
  scanSegments,
} from './stored-segment.ts'

export interface FileJournalOptions {
  /** Where the segments are; created when missing. */
  readonly directory: string
  /** Default: the real one. */
  readonly fileSystem?: FileSystem
  /** The size that segments grow to; default 4 MiB, the first has 256 KiB. */
  readonly segmentBytes?: number
  /** Only read, and change nothing on the disk: also beside the process that writes. Default false. */
  readonly readOnly?: boolean
}

const SEGMENT_BYTES = 4 * 1024 * 1024

/**
 * Opens the journal in a directory. One process may have it open for writing: the caller holds the lock.
 *
 * Reads every segment once to check it. A torn end, which no `durable` append was acknowledged for, is cut;
 * what the last frames do not vouch for is written again, so that all that `read` gives is on the disk.
 *
 * @throws JournalCorruptError when events that were on the disk are damaged or missing: nothing is changed.
 */
export async function openFileJournal(options: FileJournalOptions): Promise<Journal> {
  const { directory, fileSystem = nodeFileSystem, segmentBytes = SEGMENT_BYTES, readOnly = false } = options
  if (readOnly) {
    const found = await scanLiveSegments(fileSystem, directory)
    return new FileJournal({ directory, fileSystem, segmentBytes, readOnly, found, active: undefined })
  }
  await makeDurableDirectory(fileSystem, directory)
  const found = await scanSegments(fileSystem, directory)
  const kept = found.filter(holdsFrames)
  const active = await secure(fileSystem, directory, kept.at(-1))
  await removeLeftovers(fileSystem, directory, found)
  return new FileJournal({ directory, fileSystem, segmentBytes, readOnly, found: kept, active })
}

/** Makes the last segment fit for appends: zeros after its frames, and all of them on the disk. */
async function secure(
  fileSystem: FileSystem,
  directory: string,
  stored: StoredSegment | undefined,
): Promise<Segment | undefined> {
  if (stored === undefined) return undefined
  const { path, size, scan } = stored
  const segment = await Segment.reopen(fileSystem, directory, { path, size, end: scan.end })
  try {
    if (scan.used > scan.end) await segment.repair(Buffer.alloc(scan.used - scan.end), scan.end)
    if (scan.end > scan.durable) {
      // Written, not just synced: after a failed sync the kernel may call pages clean that it never wrote.
      const bytes = await fileSystem.readFile(path)
      await segment.repair(bytes.subarray(scan.durable, scan.end), scan.durable)
    }
    return segment
  } catch (error) {
    await segment.close()
    throw error
  }
}

/** Removes segments that hold nothing, or were never finished. */
async function removeLeftovers(
  fileSystem: FileSystem,
  directory: string,
  found: readonly StoredSegment[],
): Promise<void> {
  const temporary = (await fileSystem.list(directory)).filter(isTemporaryName)
  const empty = found.filter((segment) => !holdsFrames(segment))
  for (const name of temporary) await fileSystem.remove(join(directory, name))
  for (const { path } of empty) await fileSystem.remove(path)
  // A torn successor must not come back: its presence says that the segment before it is whole.
  if (temporary.length + empty.length > 0) await fileSystem.syncDirectory(directory)
}

interface FileJournalParts extends Required<FileJournalOptions> {
  readonly found: readonly StoredSegment[]
  readonly active: Segment | undefined
}

interface FilledSegment {
  readonly path: string
  readonly size: number
  /** Position of its last event. */
  readonly last: number
}

// open → closed      (open → failed: an I/O error other than a full disk; never retried)
class FileJournal implements Journal {
  readonly #options: Required<FileJournalOptions>
  readonly #found: readonly StoredSegment[]
  readonly #encoder = new FrameEncoder()
  /** Full segments that still hold unreleased entries, oldest first. */
  readonly #filled: FilledSegment[]
  #active: Segment | undefined
  /** The next segment, created ahead so that an append need not wait for it. */
  #spare: Segment | undefined
  #preparing: Promise<void> = Promise.resolve()
  #preparedFor: Segment | undefined
  #removing: Promise<void> = Promise.resolve()
  #last: number | undefined
  #released: number
  #isAppending = false
  #isClosed = false
  #failure: JournalFailedError | undefined

  constructor({ found, active, ...options }: FileJournalParts) {
    this.#options = options
    this.#found = found
    this.#active = active
    this.#last = lastPosition(found)
    this.#released = releasedPosition(found)
    this.#filled = found
      .filter(({ path }) => path !== active?.path)
      .map(({ path, size, scan }) => ({ path, size, last: scan.lastFrame?.last ?? 0 }))
  }

  read(): AsyncIterable<JournalEntry> {
    return readEntries(this.#options.fileSystem, this.#found, () => this.#released)
  }

  async append(group: JournalGroup, durability: Durability): Promise<void> {
    this.#assertUsable()
    if (this.#isAppending) throw new JournalMisuseError('an append began before the last one had ended')
    if (group.counts.length === 0) return
    this.#assertContiguous(group)
    this.#isAppending = true
    try {
      const frameBytes = this.#encoder.encode(group)
      const { first, count } = group
      const segment = this.#segmentWithRoom(frameBytes) ?? (await this.#roll(frameBytes, first))
      const marks = { first, durable: segment.durable, released: this.#released }
      await segment.write(this.#encoder.seal(marks), durability)
      this.#last = first + count - 1
      this.#prepareNext(segment)
    } catch (error) {
      throw this.#judge(error)
    } finally {
      this.#isAppending = false
    }
  }

  async release(position: number): Promise<void> {
    this.#assertUsable()
    this.#released = Math.max(this.#released, position)
    await this.#startRemoval()
  }

  #startRemoval(): Promise<void> {
    const removal = this.#removing.then(() => this.#removeReleased())
    // Whoever asked hears of an error, and so does the next append.
    this.#removing = removal.catch(() => {})
    return removal
  }

  status(): ReturnType<Journal['status']> {
    const segments = [...this.#filled, this.#active, this.#spare].filter((segment) => segment !== undefined)
    const bytes = segments.reduce((sum, segment) => sum + segment.size, 0)
    return { bytes, segments: segments.length, failure: this.#failure }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#preparing
    await this.#removing
    await this.#spare?.close()
    // One that cannot be removed now is removed by the next opening.
    if (this.#spare !== undefined) await this.#options.fileSystem.remove(this.#spare.path).catch(() => {})
    try {
      if (this.#failure === undefined) await this.#active?.sync()
    } finally {
      await this.#active?.close()
    }
  }

  /** The active segment, unless it is full, or is worn: half used, all released, and its successor is ready. */
  #segmentWithRoom(frameBytes: number): Segment | undefined {
    const segment = this.#active
    if (segment === undefined || !segment.fits(frameBytes)) return undefined
    const isWorn = segment.isHalfUsed && this.#last !== undefined && this.#last <= this.#released
    return isWorn && this.#spare?.fits(frameBytes) ? undefined : segment
  }

  /** Goes on in a new segment. The old one is synced first: a named successor vouches for all of it. */
  async #roll(frameBytes: number, first: number): Promise<Segment> {
    const { fileSystem, directory } = this.#options
    await this.#preparing
    await this.#active?.sync()
    this.#spare = await this.#takeSpare(frameBytes)
    const next = await this.#spare.adopt(fileSystem, first)
    this.#spare = undefined
    const old = this.#active
    this.#active = next
    await old?.close()
    if (old !== undefined && old.end > 0) {
      this.#filled.push({ path: old.path, size: old.size, last: this.#last ?? 0 })
      // What goes wrong there is kept as the journal's failure, and stops the next append.
      this.#startRemoval().catch(() => {})
    } else if (old !== undefined && old.path !== next.path) {
      await fileSystem.remove(old.path)
      await fileSystem.syncDirectory(directory)
    }
    return next
  }

  async #takeSpare(frameBytes: number): Promise<Segment> {
    const spare = this.#spare
    this.#spare = undefined
    if (spare?.fits(frameBytes)) return spare
    await spare?.close()
    return this.#create(frameBytes)
  }

  #create(frameBytes: number): Promise<Segment> {
    const { fileSystem, directory, segmentBytes } = this.#options
    return Segment.create(
      fileSystem,
      directory,
      nextSegmentBytes(this.#active?.size, segmentBytes, frameBytes),
    )
  }

  /** Creates the next segment in the background, once: a full disk may have room when it is needed. */
  #prepareNext(active: Segment): void {
    if (!active.isHalfUsed || this.#preparedFor === active) return
    this.#preparedFor = active
    this.#preparing = this.#create(0).then(
      (segment) => {
        this.#spare = segment
      },
      (error: unknown) => {
        this.#judge(error)
      },
    )
  }

  /** One at a time, each removal on the disk before the next: a crash never leaves a hole between two. */
  async #removeReleased(): Promise<void> {
    const { fileSystem, directory } = this.#options
    for (let oldest = this.#filled[0]; oldest !== undefined; oldest = this.#filled[0]) {
      if (oldest.last > this.#released || this.#failure !== undefined) return
      try {
        await fileSystem.remove(oldest.path)
        await fileSystem.syncDirectory(directory)
      } catch (error) {
        throw this.#judge(error)
      }
      this.#filled.shift()
    }
  }

  /** A full disk leaves the journal as it was; any other error stops it. */
  #judge(error: unknown): Error {
    if (error instanceof JournalFullError || error instanceof JournalMisuseError) return error
    this.#failure ??=
      error instanceof JournalFailedError ? error : new JournalFailedError(this.#options.directory, error)
    return this.#failure
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isClosed) throw new JournalMisuseError('the journal is closed')
    if (this.#options.readOnly) throw new JournalMisuseError('the journal was opened to be read only')
  }

  #assertContiguous({ first, counts }: JournalGroup): void {
    const last = this.#last
    const isNext = last === undefined || first === last + 1
    const isJump = last !== undefined && first > last && last <= this.#released
    const isEmpty = counts.some((count) => count < 1)
    if (isEmpty || !(isNext || isJump)) {
      throw new JournalMisuseError(
        `entries of ${counts.join(', ')} events at ${first} cannot follow position ${last}`,
      )
    }
  }
}
