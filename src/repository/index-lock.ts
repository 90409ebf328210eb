import { setTimeout as wait } from 'node:timers/promises'
import { nodeFileSystem } from '../system/file-system.ts'
import { errorCode, fileError, removeQuietly, replaceFile } from './durable-file.ts'
import { WorkTreeError } from './errors.ts'
import type { CheckedOutRepository } from './work-tree.ts'

const PAUSES_MS = [20, 50, 100, 200, 400, 800]

/**
 * Does something that takes git's lock of the index; again for up to 1.6 seconds while somebody else holds it.
 *
 * @throws WorkTreeError when it stays locked, and what else is thrown
 */
export async function onceUnlocked(
  workTree: string,
  isLocked: (error: unknown) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  for (let at = 0; ; at++) {
    try {
      return await work()
    } catch (cause) {
      if (!isLocked(cause)) throw cause
      if (at === PAUSES_MS.length) {
        throw new WorkTreeError(workTree, 'its index is locked', {
          cause,
          hint: 'If no git process is at work there, remove .git/index.lock.',
        })
      }
    }
    await wait(PAUSES_MS[at])
  }
}

/**
 * Changes files, and then the index, under git's own lock: as with git, it is given back by becoming the index.
 *
 * @param change returns the bytes of the new index; undefined where it stays
 * @throws WorkTreeError, DiskFullError, PermissionDeniedError, FileFailedError for the lock, and what `change` throws
 */
export async function withIndexLock(
  { gitDirectory, workTree }: CheckedOutRepository,
  change: () => Promise<Uint8Array | undefined>,
): Promise<void> {
  const path = `${gitDirectory}/index.lock`
  const isLocked = (error: unknown) => errorCode(error) === 'EEXIST'
  const take = async () => (await nodeFileSystem.open(path, 'wx')).close()
  const explain = (error: unknown) => {
    throw fileError(path, error)
  }
  await onceUnlocked(workTree, isLocked, take).catch(explain)
  try {
    const index = await change()
    if (index === undefined) await removeQuietly(nodeFileSystem, path)
    else {
      await replaceFile(nodeFileSystem, path, index)
      await nodeFileSystem.rename(path, `${gitDirectory}/index`).catch(explain)
    }
  } catch (error) {
    await removeQuietly(nodeFileSystem, path)
    throw error
  }
}
