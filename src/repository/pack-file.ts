import type { FileSystem } from '../system/file-system.ts'
import { createFile, errorCode, removeQuietly, temporaryPath } from './durable-file.ts'
import type { EncodedPack } from './pack.ts'

/**
 * Writes a pack and its index into `objects/pack`, and syncs their contents. Their names are durable once that folder
 * is synced.
 *
 * Git sees a pack by its index, so the index gets its name last. Until then both have names that git knows to be
 * temporary. What fails half way is removed.
 *
 * @throws Node's own errors
 */
export async function createPack(
  fileSystem: FileSystem,
  folder: string,
  { name, pack, index }: EncodedPack,
): Promise<void> {
  const packPath = `${folder}/${name}.pack`
  const indexPath = `${folder}/${name}.idx`
  const temporaryPack = temporaryPath(folder, 'pack')
  const temporaryIndex = temporaryPath(folder, 'idx')
  const created = await Promise.allSettled([
    createFile(fileSystem, temporaryPack, pack, 0o444),
    createFile(fileSystem, temporaryIndex, index, 0o444),
  ])
  try {
    for (const result of created) if (result.status === 'rejected') throw result.reason
    await fileSystem.rename(temporaryPack, packPath)
    await fileSystem.rename(temporaryIndex, indexPath)
  } catch (error) {
    await removeQuietly(fileSystem, temporaryPack)
    await removeQuietly(fileSystem, temporaryIndex)
    // With an index, it is the same pack from an earlier attempt, and perhaps the branch leads to it.
    if (await isMissing(fileSystem, indexPath)) await removeQuietly(fileSystem, packPath)
    throw error
  }
}

/** Where that cannot be found out, it is there. */
async function isMissing(fileSystem: FileSystem, path: string): Promise<boolean> {
  return fileSystem.stat(path).then(
    () => false,
    (error: unknown) => errorCode(error) === 'ENOENT',
  )
}
