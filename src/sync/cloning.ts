import { join } from 'node:path'
import { fileError } from '../repository/durable-file.ts'
import { NotALogError } from '../repository/errors.ts'
import { RemoteFailedError } from '../repository/git-process-errors.ts'
import { findRepository } from '../repository/location.ts'
import { pointHeadAtOnlyBranch } from '../repository/only-branch.ts'
import { readRef } from '../repository/refs.ts'
import { shownAddress } from '../repository/remote-address.ts'
import { cloneRepository, findRemoteBranch, type TransferOptions } from '../repository/remote-transfer.ts'
import { type FileSystem, nodeFileSystem } from '../system/file-system.ts'

/**
 * Clones a repository that has a branch to read a log from. An empty one is refused: a log that was begun in it
 * would be another one than the remote's, and git takes an answer that was cut for an empty repository too. It is on the
 * disk when it resolves: what is appended to it rests on it.
 *
 * @throws RemoteFailedError, NotALogError, InvalidRemoteError, GitMissingError, PermissionDeniedError, DiskFullError,
 *   FileFailedError
 */
export async function cloneLog(
  address: string,
  path: string,
  { fileSystem, ...options }: TransferOptions & { readonly bare: boolean; readonly fileSystem: FileSystem },
): Promise<void> {
  try {
    // Git would tell of a folder that it may not make as of a remote that it may not read.
    await nodeFileSystem.makeDirectory(path)
  } catch (cause) {
    throw fileError(path, cause)
  }
  await cloneRepository(address, path, options)
  await pointHeadAtOnlyBranch(path, nodeFileSystem)
  const repository = await findRepository(path, nodeFileSystem)
  const hasBranch =
    repository !== undefined &&
    (await readRef(nodeFileSystem, repository.gitDirectory, repository.branch)) !== undefined
  if (hasBranch) return syncNames(path, repository.gitDirectory, fileSystem)
  const branch = await findRemoteBranch(address, options)
  if (branch === undefined) throw new NotALogError('a branch to clone')
  throw new RemoteFailedError(shownAddress(address), 'network')
}

/** Git syncs what it writes, and leaves the names of it to the file system. */
async function syncNames(path: string, gitDirectory: string, fileSystem: FileSystem): Promise<void> {
  const folders = WRITTEN_TO.map((name) => join(gitDirectory, name))
  try {
    for (const folder of [...folders, gitDirectory, path]) await fileSystem.syncDirectory(folder)
  } catch (cause) {
    throw fileError(path, cause)
  }
}

const WRITTEN_TO = ['objects/pack', 'objects', 'refs/heads', 'refs', 'info']
