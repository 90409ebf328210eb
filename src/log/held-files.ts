import type { File, FileSystem } from '../system/file-system.ts'

/**
 * The file system for what only the holder of a log's lock may change: before a name is created, changed or removed, it
 * is looked whether the lock still stands where it was taken. A folder that was moved may have another log in its place.
 */
export class HeldFiles implements FileSystem {
  constructor(
    private readonly inner: FileSystem,
    private readonly checkHeld: () => Promise<void>,
  ) {}

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    await this.checkHeld()
    return this.inner.open(path, flags, mode)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.checkHeld()
    return this.inner.makeDirectory(path)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.checkHeld()
    return this.inner.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    await this.checkHeld()
    return this.inner.remove(path)
  }

  readFile(path: string): Promise<Buffer> {
    return this.inner.readFile(path)
  }

  list(path: string): Promise<string[]> {
    return this.inner.list(path)
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.inner.stat(path)
  }

  syncDirectory(path: string): Promise<void> {
    return this.inner.syncDirectory(path)
  }
}
