import { readRef } from '../repository/refs.ts'
import { getRemote } from '../repository/remote.ts'
import { findRemoteBranch, type TransferOptions } from '../repository/remote-transfer.ts'
import type { Repository } from '../repository/repository.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { OtherBranch } from './errors.ts'

/** It is put into a command that people copy, and a stranger may have chosen it. */
const PLAIN = /^refs\/heads\/\w[\w./-]*$/

/**
 * The branch that a remote has, where it has none of this name: it may have been renamed, there or here. Undefined if none
 * stands out.
 *
 * @throws InvalidRemoteError, RemoteFailedError, GitMissingError
 */
export async function findOtherBranch(
  { repository, fileSystem }: { readonly repository: Repository; readonly fileSystem: FileSystem },
  remote: string,
  direction: 'fetch' | 'push',
  { signal, timeoutMs }: TransferOptions,
): Promise<OtherBranch | undefined> {
  const { address } = await getRemote(repository, remote, direction)
  const ref = await findRemoteBranch(address, { signal, timeoutMs })
  if (ref === undefined || ref === repository.branch || !PLAIN.test(ref)) return undefined
  return { ref, isHere: (await readRef(fileSystem, repository.gitDirectory, ref)) !== undefined }
}
