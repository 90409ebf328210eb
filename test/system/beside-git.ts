import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../src/repository/durable-file.ts'
import type { File, FileSystem } from '../../src/system/file-system.ts'
import type { CrashFileSystem } from './crash-file-system.ts'

/**
 * A file system that can lose its power, beside a git that works in some of its folders without it. What git did
 * there is recorded before each call: the files it made or replaced, and those it removed.
 *
 * Of these files, the contents are taken to be on the disk where `isSynced` says that git syncs them, their names
 * never: git syncs no folders.
 */
export class BesideGit implements FileSystem {
  /** What the files of the folders were like when they were last looked at, by path. */
  private readonly seen = new Map<string, string>()
  /** The files in the folders that git had no part in. */
  private readonly own = new Set<string>()

  constructor(
    private readonly disk: CrashFileSystem,
    private readonly folders: readonly string[],
    private readonly isSynced: (path: string) => boolean,
  ) {}

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    const disk = this.beside()
    if (flags === 'wx') this.own.add(path)
    return disk.open(path, flags, mode)
  }

  readFile(path: string): Promise<Buffer> {
    return this.beside().readFile(path)
  }

  list(path: string): Promise<string[]> {
    return this.beside().list(path)
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.beside().stat(path)
  }

  makeDirectory(path: string): Promise<void> {
    return this.beside().makeDirectory(path)
  }

  async rename(from: string, to: string): Promise<void> {
    const disk = this.beside()
    if (this.own.delete(from)) this.own.add(to)
    await disk.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    await this.beside().remove(path)
    this.seen.delete(path)
    this.own.delete(path)
  }

  syncDirectory(path: string): Promise<void> {
    return this.beside().syncDirectory(path)
  }

  private beside(): CrashFileSystem {
    const there = this.folders.flatMap(filesIn)
    for (const path of there) this.look(path)
    const isThere = new Set(there)
    for (const path of this.seen.keys()) {
      if (isThere.has(path)) continue
      this.seen.delete(path)
      this.disk.noticeRemoval(path)
    }
    return this.disk
  }

  private look(path: string): void {
    if (this.own.has(path)) return
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (stats === undefined) return
    const state = `${stats.ino} ${stats.size} ${stats.mtimeNs}`
    if (this.seen.get(path) === state) return
    const content = readOrNone(path)
    if (content === undefined) return
    this.seen.set(path, state)
    this.disk.noticeFile(path, content, this.isSynced(path))
  }
}

/** Git removes its temporary files at any moment: the next look finds out. */
function readOrNone(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(folder, name))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
