import { type FileSystem, nodeFileSystem } from '../system/file-system.ts'
import { ignoreMissing, makeDurableDirectory } from './directory.ts'
import { isOutOfDescriptors, JournalFailedError, JournalFullError, JournalMisuseError } from './errors.ts'
import { FrameEncoder } from './frame.ts'
import type { Durability, Journal, JournalEntry, JournalGroup } from './journal.ts'
import { NextSegment } from './next-segment.ts'
import { removeLeftovers, secure } from './repair.ts'
import type { Segment } from './segment.ts'
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
  /** Where frames usually are of this size, segments grow with them instead of being filled ahead; default 16 KiB. */
  readonly largeFrameBytes?: number
  /** Only read, and change nothing on the disk: also beside the process that writes. Default false. */
  readonly readOnly?: boolean
}

const SEGMENT_BYTES = 4 * 1024 * 1024
/** From here on a frame takes longer to write twice than a file takes to grow: 20 KiB are written in 0.08 ms. */
const LARGE_FRAME_BYTES = 16 * 1024

/**
 * Opens the journal in a directory. One process may have it open for writing: the caller holds the lock.
 *
 * Reads every segment once to check it. A torn end, which no `durable` append was acknowledged for, is cut;
 * what the last frames do not vouch for is written again, so that all that `read` gives is on the disk.
 *
 * @throws JournalCorruptError when events that were on the disk are damaged or missing: nothing is changed.
 */
export async function openFileJournal(options: FileJournalOptions): Promise<Journal> {
  const { directory, fileSystem = nodeFileSystem, readOnly = false } = options
  const { segmentBytes = SEGMENT_BYTES, largeFrameBytes = LARGE_FRAME_BYTES } = options
  const settings = { directory, fileSystem, readOnly, segmentBytes, largeFrameBytes }
  if (readOnly) {
    const found = await scanLiveSegments(fileSystem, directory)
    return new FileJournal({ ...settings, found, active: undefined })
  }
  await makeDurableDirectory(fileSystem, directory)
  const found = await scanSegments(fileSystem, directory)
  const kept = found.filter(holdsFrames)
  const active = await secure(fileSystem, directory, kept.at(-1))
  await removeLeftovers(fileSystem, directory, found)
  return new FileJournal({ ...settings, found: kept, active })
}

interface FileJournalParts extends Required<FileJournalOptions> {
  readonly found: readonly StoredSegment[]
  readonly active: Segment | undefined
}

interface FullSegment {
  readonly path: string
  readonly fileBytes: number
  /** Position of its last event. */
  readonly last: number
}

// open → closed      (open → failed: an I/O error other than a full disk; never retried)
class FileJournal implements Journal {
  readonly #options: Required<FileJournalOptions>
  readonly #found: readonly StoredSegment[]
  readonly #encoder = new FrameEncoder()
  /** Full segments that still hold unreleased entries, oldest first. */
  readonly #full: FullSegment[]
  readonly #next: NextSegment
  #active: Segment | undefined
  #removing: Promise<void> = Promise.resolve()
  #last: number | undefined
  #released: number
  #isAppending = false
  #isClosed = false
  #failure: JournalFailedError | undefined

  constructor({ found, active, ...options }: FileJournalParts) {
    this.#options = options
    this.#found = found
    this.#next = new NextSegment({ ...options, onError: (error) => this.#judge(error) })
    this.#active = active
    this.#last = lastPosition(found)
    this.#released = releasedPosition(found)
    this.#full = found
      .filter(({ path }) => path !== active?.path)
      .map(({ path, size, scan }) => ({ path, fileBytes: size, last: scan.lastFrame?.last ?? 0 }))
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
      this.#next.prepareAfter(segment, frameBytes)
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
    const segments = [...this.#full, this.#active, this.#next.spare].filter(
      (segment) => segment !== undefined,
    )
    const bytes = segments.reduce((sum, { fileBytes }) => sum + fileBytes, 0)
    return { bytes, segments: segments.length, failure: this.#failure }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#removing
    await this.#next.discard()
    try {
      if (this.#failure === undefined) await this.#active?.sync()
    } finally {
      await this.#active?.close()
    }
  }

  /** The active segment, unless it is full, or is worn: it has done its work, all is released, and its successor is ready. */
  #segmentWithRoom(frameBytes: number): Segment | undefined {
    const segment = this.#active
    if (segment === undefined || !segment.fits(frameBytes)) return undefined
    const isWorn = this.#next.isDueAfter(segment) && this.#last !== undefined && this.#last <= this.#released
    return isWorn && this.#next.spare?.fits(frameBytes) ? undefined : segment
  }

  /** Goes on in a new segment. The old one is synced first: a named successor vouches for all of it. */
  async #roll(frameBytes: number, first: number): Promise<Segment> {
    const { fileSystem, directory } = this.#options
    const old = this.#active
    await this.#next.settled()
    await old?.sync()
    const next = await this.#next.adopt(first, frameBytes, old)
    this.#active = next
    await old?.close()
    if (old !== undefined && old.end > 0) {
      this.#full.push({ path: old.path, fileBytes: old.fileBytes, last: this.#last ?? 0 })
      // What goes wrong there is kept as the journal's failure, and stops the next append.
      this.#startRemoval().catch(() => {})
    } else if (old !== undefined && old.path !== next.path) {
      await fileSystem.remove(old.path)
      await fileSystem.syncDirectory(directory)
    }
    return next
  }

  /** One at a time, each removal on the disk before the next: a crash never leaves a hole between two. */
  async #removeReleased(): Promise<void> {
    const { fileSystem, directory } = this.#options
    for (let oldest = this.#full[0]; oldest !== undefined; oldest = this.#full[0]) {
      if (oldest.last > this.#released || this.#failure !== undefined) return
      try {
        await fileSystem.remove(oldest.path).catch(ignoreMissing)
        await fileSystem.syncDirectory(directory)
      } catch (error) {
        // The next release comes back to it.
        if (isOutOfDescriptors(error)) return
        throw this.#judge(error)
      }
      this.#full.shift()
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
