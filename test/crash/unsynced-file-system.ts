import { constants } from 'node:fs'
import { type File, type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'

/** The real file system without a single sync: the machine must not lose its power. */
export class UnsyncedFileSystem implements FileSystem {
  readonly readFile = nodeFileSystem.readFile
  readonly list = nodeFileSystem.list
  readonly stat = nodeFileSystem.stat
  readonly makeDirectory = nodeFileSystem.makeDirectory
  readonly rename = nodeFileSystem.rename
  readonly remove = nodeFileSystem.remove

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    const unsynced = typeof flags === 'number' ? flags & ~constants.O_SYNC & ~constants.O_DSYNC : flags
    const file = await nodeFileSystem.open(path, unsynced, mode)
    return {
      write: (...range) => file.write(...range),
      read: (...range) => file.read(...range),
      readNow: (...range) => file.readNow(...range),
      truncate: (length) => file.truncate(length),
      syncData: async () => undefined,
      sync: async () => undefined,
      size: () => file.size(),
      close: () => file.close(),
    }
  }

  async syncDirectory(): Promise<void> {}
}
