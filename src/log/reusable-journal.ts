import { join } from 'node:path'
import { JournalFailedError } from '../journal/errors.ts'
import { openFileJournal } from '../journal/file-journal.ts'
import type { Durability, Journal, JournalEntry, JournalGroup } from '../journal/journal.ts'
import { parseSegmentName } from '../journal/segment.ts'
import { fileError } from '../repository/durable-file.ts'
import type { FileSystem } from '../system/file-system.ts'

/**
 * A file journal whose positions can be used again: when somebody sets the branch back, the next append
 * stands before what the journal has passed already. It then begins anew, and a clean close leaves it empty,
 * so that no later opening takes what was committed, and replaced since, for events that still wait.
 */
export class ReusableJournal implements Journal {
  /** Position of the last entry; unknown, and so never released, until all were read. */
  private last = Number.POSITIVE_INFINITY
  private released = 0
  /** Whether it is to begin anew, and could not be opened again yet. */
  private isBeginning = false

  private constructor(
    private readonly directory: string,
    private readonly fileSystem: FileSystem,
    private current: Journal,
  ) {}

  /** @throws JournalCorruptError, JournalFullError, PermissionDeniedError, FileFailedError */
  static async open(directory: string, fileSystem: FileSystem): Promise<ReusableJournal> {
    try {
      return new ReusableJournal(directory, fileSystem, await openFileJournal({ directory, fileSystem }))
    } catch (error) {
      throw fileError(directory, error)
    }
  }

  async *read(): AsyncGenerator<JournalEntry> {
    let last = 0
    try {
      for await (const entry of this.current.read()) {
        last = lastOf(entry)
        yield entry
      }
    } catch (error) {
      throw fileError(this.directory, error)
    }
    this.last = last
  }

  async append(group: JournalGroup, durability: Durability): Promise<void> {
    await this.current.append(group, durability)
    this.last = lastOf(group)
  }

  /**
   * @param common up to here what was released before is as it was: where it is less than that, somebody replaced
   *   the rest, and no entry of it may be taken up again
   */
  async release(position: number, common = position): Promise<void> {
    if (this.isBeginning || (common < this.released && this.isReleased)) await this.beginAnew()
    this.released = Math.max(this.released, position)
    await this.current.release(position)
  }

  status(): ReturnType<Journal['status']> {
    return this.current.status()
  }

  async close(): Promise<void> {
    try {
      if (this.isReleased && this.status().failure === undefined) await this.empty()
      else await this.current.close()
    } catch (error) {
      throw fileError(this.directory, error)
    }
  }

  private get isReleased(): boolean {
    return this.last <= this.released
  }

  private async beginAnew(): Promise<void> {
    this.isBeginning = true
    try {
      await this.empty()
      this.current = await openFileJournal({ directory: this.directory, fileSystem: this.fileSystem })
      this.isBeginning = false
    } catch (error) {
      throw error instanceof JournalFailedError ? error : new JournalFailedError(this.directory, error)
    }
  }

  private async empty(): Promise<void> {
    await this.current.close()
    const segments = (await this.fileSystem.list(this.directory)).filter(
      (name) => parseSegmentName(name) !== undefined,
    )
    // One by one from the oldest: a crash in between must not leave a hole.
    for (const name of segments.sort()) {
      await this.fileSystem.remove(join(this.directory, name))
      await this.fileSystem.syncDirectory(this.directory)
    }
    this.last = 0
    this.released = 0
  }
}

function lastOf({ first, count }: JournalEntry | JournalGroup): number {
  return first + count - 1
}
