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
 * No branch leads to its objects yet, and a `git repack -a -d` that somebody runs now would drop them. So a `.keep` stands
 * beside it, as beside the packs that git fetches, until whoever made it removes that.
 *
 * @returns the path of the `.keep`
 * @throws Node's own errors
 */
export async function createPack(
  fileSystem: FileSystem,
  folder: string,
  { name, pack, index }: EncodedPack,
): Promise<string> {
  const packPath = `${folder}/${name}.pack`
  const indexPath = `${folder}/${name}.idx`
  const keepPath = `${folder}/${name}${KEEP}`
  const temporaryPack = temporaryPath(folder, 'pack')
  const temporaryIndex = temporaryPath(folder, 'idx')
  const temporaryKeep = temporaryPath(folder, 'pack')
  const created = await Promise.allSettled([
    createFile(fileSystem, temporaryPack, pack, 0o444),
    createFile(fileSystem, temporaryIndex, index, 0o444),
    // Synced: its name may outlast a power cut, and without its text nobody would know whose it is.
    createFile(fileSystem, temporaryKeep, Buffer.from(KEEP_TEXT)),
  ])
  try {
    for (const result of created) if (result.status === 'rejected') throw result.reason
    await fileSystem.rename(temporaryPack, packPath)
    await fileSystem.rename(temporaryKeep, keepPath)
    await fileSystem.rename(temporaryIndex, indexPath)
    return keepPath
  } catch (error) {
    await removeQuietly(fileSystem, temporaryPack)
    await removeQuietly(fileSystem, temporaryIndex)
    await removeQuietly(fileSystem, temporaryKeep)
    await removeQuietly(fileSystem, keepPath)
    // With an index, it is the same pack from an earlier attempt, and perhaps the branch leads to it.
    if (await isMissing(fileSystem, indexPath)) await removeQuietly(fileSystem, packPath)
    throw error
  }
}

/** Removes what writers that were killed left beside their packs. Only the one writer of a repository may ask. */
export async function removeStaleKeeps(fileSystem: FileSystem, folder: string): Promise<void> {
  for (const name of await fileSystem.list(folder)) {
    const path = `${folder}/${name}`
    if (name.endsWith(KEEP) && (await isOurs(fileSystem, path))) await removeQuietly(fileSystem, path)
  }
}

/** Whether a `.keep` is one that we made. Those of others may be of any size, or no file at all. */
async function isOurs(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    const { kind, size } = await fileSystem.stat(path)
    if (kind !== 'file' || size !== KEEP_TEXT.length) return false
    return `${await fileSystem.readFile(path)}` === KEEP_TEXT
  } catch {
    return false
  }
}

const KEEP = '.keep'
/** Tells it from those of git and of the user. */
const KEEP_TEXT = 'memoir: a branch is about to lead to these objects\n'

/** Where that cannot be found out, it is there. */
async function isMissing(fileSystem: FileSystem, path: string): Promise<boolean> {
  return fileSystem.stat(path).then(
    () => false,
    (error: unknown) => errorCode(error) === 'ENOENT',
  )
}
