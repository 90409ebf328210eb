import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Watcher } from '../../image/watcher.ts'
import { findRepository } from '../../repository/location.ts'
import { readRef } from '../../repository/refs.ts'
import { checkRemoteAddress } from '../../repository/remote-address.ts'
import type { FileSystem } from '../../system/file-system.ts'

/** Beside file events, the poll of the replica is enough. */
const POLL_MS = 2 ** 31 - 1

/**
 * Watches the branch of a remote that is a repository on this machine. Undefined for any other remote, and
 * for one that is not there at the moment.
 *
 * @param onMoved told of the commit that the branch is at, when that is another than the last time
 */
export async function watchRemote(
  address: string,
  branch: string,
  fileSystem: FileSystem,
  onMoved: (commit: string | undefined) => void,
): Promise<Watcher | undefined> {
  if (checkRemoteAddress(address) !== 'file') return undefined
  try {
    const path = /^file:/i.test(address) ? fileURLToPath(address) : resolve(address)
    const repository = await findRepository(path, fileSystem)
    if (repository === undefined) return undefined
    const { gitDirectory } = repository
    let last: string | undefined
    const watcher = new Watcher({
      repository: { gitDirectory, branch },
      pollMs: POLL_MS,
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
  } catch {
    // What is wrong with it, the next fetch says.
    return undefined
  }
}
