import { Watcher } from '../../image/watcher.ts'
import { findRepository } from '../../repository/location.ts'
import { readRef } from '../../repository/refs.ts'
import { folderOf } from '../../repository/remote-address.ts'
import { LONGEST_TIMER_MS } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'

/** The git directory of a remote on this machine; undefined for any other, and for one that is not there now. */
async function findLocal(address: string, fileSystem: FileSystem): Promise<string | undefined> {
  try {
    const folder = folderOf(address)
    return folder && (await findRepository(folder, fileSystem))?.gitDirectory
  } catch {
    // What is wrong with it, the next fetch says.
    return undefined
  }
}

/**
 * The commit that a branch of a remote on this machine is at, for a look that starts no git: 1 ms instead of
 * 50. Undefined where that cannot be told.
 */
export async function peekAtRemote(
  address: string,
  branch: string,
  fileSystem: FileSystem,
): Promise<string | undefined> {
  const gitDirectory = await findLocal(address, fileSystem)
  return gitDirectory && (await readRef(fileSystem, gitDirectory, branch).catch(() => undefined))
}

/**
 * Watches the branch of a remote on this machine. Undefined for any other.
 *
 * @param onMoved told of the commit that the branch is at, when that is another than the last time
 */
export async function watchRemote(
  address: string,
  branch: string,
  fileSystem: FileSystem,
  onMoved: (commit: string | undefined) => void,
): Promise<Watcher | undefined> {
  const gitDirectory = await findLocal(address, fileSystem)
  if (gitDirectory === undefined) return undefined
  let last: string | undefined
  const watcher = new Watcher({
    repository: { gitDirectory, branch },
    // Beside file events, the poll of the replica is enough.
    pollMs: LONGEST_TIMER_MS,
    look: async () => {
      const commit = await readRef(fileSystem, gitDirectory, branch)
      if (commit === last) return
      last = commit
      onMoved(commit)
    },
    // Without file events the poll has to do.
    onError: () => undefined,
  })
  // Nothing has to wait until file events are in place.
  void watcher.start()
  return watcher
}
