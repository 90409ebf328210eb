import { getRemote } from '../repository/remote.ts'
import { findRemoteBranch, type TransferOptions } from '../repository/remote-transfer.ts'
import type { Repository } from '../repository/repository.ts'

/**
 * The branch that a remote has, where it has none of this name: it may have been renamed, there or here. Undefined if none
 * stands out.
 *
 * @throws InvalidRemoteError, RemoteFailedError, GitMissingError
 */
export async function findOtherBranch(
  repository: Repository,
  remote: string,
  direction: 'fetch' | 'push',
  { signal, timeoutMs }: TransferOptions,
): Promise<string | undefined> {
  const { address } = await getRemote(repository, remote, direction)
  const found = await findRemoteBranch(address, { signal, timeoutMs })
  return found === repository.branch ? undefined : found
}
