import { constants } from 'node:fs'
import { join } from 'node:path'
import type { File, FileSystem } from '../system/file-system.ts'
import { isOutOfDescriptors, JournalFailedError, JournalFullError } from './errors.ts'
import type { Durability } from './journal.ts'

// Only Linux promises that an O_DSYNC write has reached the platter; elsewhere fdatasync has to say so.
const SYNCS_ON_WRITE = process.platform === 'linux'
const WRITE_DURABLY = constants.O_WRONLY | (SYNCS_ON_WRITE ? constants.O_DSYNC : 0)

const ZEROS_PER_SYNC = 1024 * 1024
const TEMPORARY_NAME = 'next.tmp'
const NAME = /^(\d{12,16})\.journal$/

/** The file name of a segment whose events start at this position. */
function segmentName(first: number): string {
  return `${String(first).padStart(12, '0')}.journal`
}

/** The position in a segment's file name, or undefined when it is no segment. */
export function parseSegmentName(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Whether a file is a segment that was never finished, and may be removed by whoever owns the journal. */
export function isTemporaryName(name: string): boolean {
  return name === TEMPORARY_NAME
}

/** What is known of a segment file that exists. */
export interface SegmentState {
  readonly path: string
  readonly size: number
  /** Where its next frame goes. */
  readonly end: number
}

/**
 * One file of the journal, open for writing. As a rule it was filled with zeros when it was created, so that a
 * durable write changes no metadata (0.24 ms instead of 0.32 ms). One that was not grows with each frame: where
 * frames are large, that costs less than writing every byte twice.
 *
 * It has two descriptors: writes through the one are on the disk when they return, at the price of one
 * call; writes through the other are not, and make it dirty: the next durable write syncs the whole file.
 */
export class Segment {
  #end: number
  #durable: number
  #isDirty = false

  private constructor(
    readonly path: string,
    readonly size: number,
    end: number,
    private readonly plain: File,
    private readonly synced: File,
    private readonly directory: string,
    /** Whether its file has its size from the start, rather than that of what was written. */
    readonly isFilled: boolean,
  ) {
    this.#end = end
    this.#durable = end
  }

  /**
   * Creates a segment under a temporary name, synced, and filled with zeros if it is to be; `adopt` gives it its own.
   *
   * @throws JournalFullError when there is no room; the temporary file is then gone.
   */
  static async create(
    fileSystem: FileSystem,
    directory: string,
    size: number,
    isFilled: boolean,
  ): Promise<Segment> {
    const path = join(directory, TEMPORARY_NAME)
    try {
      const plain = await fileSystem.open(path, 'w+')
      try {
        if (isFilled) await fillWithZeros(plain, size, directory)
        else await syncOrFail(() => plain.sync(), directory)
        const synced = await fileSystem.open(path, WRITE_DURABLY)
        return new Segment(path, size, 0, plain, synced, directory, isFilled)
      } catch (error) {
        await plain.close()
        throw error
      }
    } catch (error) {
      // What cannot be removed now is overwritten by the next creation, or removed by the next opening.
      await fileSystem.remove(path).catch(() => {})
      throw isNoRoom(error) ? new JournalFullError(directory, error) : error
    }
  }

  /** Opens a segment whose frames up to `end` are on the disk, with nothing but zeros behind them. */
  static async reopen(fileSystem: FileSystem, directory: string, state: SegmentState): Promise<Segment> {
    const plain = await fileSystem.open(state.path, 'r+')
    try {
      const synced = await fileSystem.open(state.path, WRITE_DURABLY)
      return new Segment(state.path, state.size, state.end, plain, synced, directory, true)
    } catch (error) {
      await plain.close()
      throw error
    }
  }

  /** Gives it the name of its first position: durable when it resolves. */
  async adopt(fileSystem: FileSystem, first: number): Promise<Segment> {
    const path = join(this.directory, segmentName(first))
    try {
      await fileSystem.rename(this.path, path)
    } catch (error) {
      throw isNoRoom(error) ? new JournalFullError(this.directory, error) : error
    }
    try {
      await syncOrFail(() => fileSystem.syncDirectory(this.directory), this.directory)
    } catch (error) {
      // It holds nothing yet, and is given its name another time.
      if (error instanceof JournalFullError) await fileSystem.rename(path, this.path)
      throw error
    }
    return new Segment(path, this.size, this.#end, this.plain, this.synced, this.directory, this.isFilled)
  }

  /** Where the next frame goes, in bytes. */
  get end(): number {
    return this.#end
  }

  /** Everything before this offset is known to be on the disk. */
  get durable(): number {
    return this.#durable
  }

  fits(frameBytes: number): boolean {
    return this.#end + frameBytes <= this.size
  }

  /** What its file takes on the disk. */
  get fileBytes(): number {
    return this.isFilled ? this.size : this.#end
  }

  get isHalfUsed(): boolean {
    return this.#end > this.size / 2
  }

  /**
   * Writes a frame at the end.
   *
   * @throws JournalFullError when there is no room: what was written of the frame is gone again, on the disk.
   * @throws JournalFailedError when a sync failed, or when the frame could not be undone.
   */
  async write(frame: Uint8Array, durability: Durability): Promise<void> {
    try {
      await this.#put(frame, this.#end, durability)
    } catch (error) {
      if (!isNoRoom(error)) throw error
      await this.#undo(frame.length)
      throw new JournalFullError(this.directory, error)
    }
    this.#end += frame.length
    if (durability === 'durable') this.#durable = this.#end
  }

  /** Makes sure that all it holds is on the disk. */
  async sync(): Promise<void> {
    if (!this.#isDirty) return
    await syncOrFail(() => this.plain.syncData(), this.directory)
    this.#isDirty = false
    this.#durable = this.#end
  }

  /**
   * Overwrites a part with the same or other bytes, on the disk when it resolves: recovery's tool.
   *
   * @throws JournalFullError when there is no room
   */
  async repair(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await this.#put(bytes, position, 'durable')
    } catch (error) {
      throw isNoRoom(error) ? new JournalFullError(this.directory, error) : error
    }
  }

  async close(): Promise<void> {
    await this.plain.close()
    await this.synced.close()
  }

  async #put(bytes: Uint8Array, position: number, durability: Durability): Promise<void> {
    const isDirect = SYNCS_ON_WRITE && durability === 'durable' && !this.#isDirty
    if (!isDirect) this.#isDirty = true
    await writeAll(isDirect ? this.synced : this.plain, bytes, position)
    // An O_DSYNC write syncs its own range only: after a plain one the file needs a sync of all of it.
    if (!isDirect && durability === 'durable') {
      await syncOrFail(() => this.plain.syncData(), this.directory)
      this.#isDirty = false
    }
    if (durability === 'durable' && !this.isFilled) this.#checkFileSystemIsUp(position)
  }

  /**
   * A file system that shuts itself down, as ext4 and XFS do after errors of their own, calls writes good that were on
   * their way and whose file will never have grown (seen in one shutdown of twenty, Linux 6.18). But it reads no more.
   * From memory, that takes a microsecond.
   */
  #checkFileSystemIsUp(position: number): void {
    this.plain.readNow(Buffer.allocUnsafe(1), 0, 1, position)
  }

  // The caller will use the positions again, so no power cut may bring the refused frame back.
  async #undo(length: number): Promise<void> {
    try {
      if (this.isFilled) await this.#clear(length)
      else await this.#cut()
    } catch (error) {
      throw new JournalFailedError(this.directory, error)
    }
  }

  async #clear(length: number): Promise<void> {
    const zeros = Buffer.alloc(length)
    if (!SYNCS_ON_WRITE) await this.#put(zeros, this.#end, 'durable')
    else await writeAll(this.synced, zeros, this.#end)
  }

  async #cut(): Promise<void> {
    await this.plain.truncate(this.#end)
    await this.plain.sync()
  }
}

/** A write that took fewer bytes than it was given, which is how Node reports a full disk. */
class ShortWriteError extends Error {
  override readonly name = 'ShortWriteError'
}

async function writeAll(file: File, bytes: Uint8Array, position: number): Promise<void> {
  const written = await file.write(bytes, 0, bytes.length, position)
  if (written < bytes.length) throw new ShortWriteError(`${written} of ${bytes.length} bytes were written`)
}

// Bit by bit: syncing 4 MiB at once would keep the appends that go on meanwhile waiting for it. In no smaller bits:
// each sync waits for their writes in turn, and they for the next segment, when it takes longer than it lasts.
async function fillWithZeros(file: File, size: number, directory: string): Promise<void> {
  const zeros = Buffer.alloc(Math.min(size, ZEROS_PER_SYNC))
  for (let position = 0; position < size; position += zeros.length) {
    await writeAll(file, zeros.subarray(0, Math.min(zeros.length, size - position)), position)
    await syncOrFail(() => file.sync(), directory)
  }
}

function isNoRoom(error: unknown): boolean {
  if (error instanceof ShortWriteError || isOutOfDescriptors(error)) return true
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

// Whatever its errno, a failed sync is a failed disk: the kernel may have dropped the pages already. But for that of a
// directory, which has to be opened first.
async function syncOrFail(sync: () => Promise<void>, directory: string): Promise<void> {
  try {
    await sync()
  } catch (error) {
    throw isOutOfDescriptors(error)
      ? new JournalFullError(directory, error)
      : new JournalFailedError(directory, error)
  }
}
