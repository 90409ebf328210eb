import { realpath } from 'node:fs/promises'
import { nodeFileSystem } from '../system/file-system.ts'
import { findRepository } from './location.ts'
import { getRemote } from './remote.ts'
import { folderOf } from './remote-address.ts'
import type { RepositoryPaths } from './stand-in-directory.ts'

/**
 * The git directory of a remote that is a folder, links followed; undefined for any other remote, and while
 * nothing is there.
 *
 * @throws InvalidRemoteError
 */
export async function findNearRemote(
  repository: RepositoryPaths,
  remote: string,
): Promise<string | undefined> {
  const { address } = await getRemote(repository, remote, 'push')
  try {
    const folder = folderOf(address)
    const found = folder === undefined ? undefined : await findRepository(folder, nodeFileSystem)
    return found && (await realpath(found.gitDirectory))
  } catch {
    // Whatever is wrong with it, git says so when it fetches.
    return undefined
  }
}
