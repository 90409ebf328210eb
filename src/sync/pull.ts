import type { EventLog } from '../log/event-log.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { fetchBranch, type TransferOptions } from '../repository/remote.ts'
import type { Repository } from '../repository/repository.ts'
import { HistoryForkedError, RemoteBranchMissingError } from './errors.ts'

/** What a pull brought. */
export interface PullResult {
  /** Position of the last event before and after. */
  readonly from: number
  readonly to: number
  readonly commit: string
}

/**
 * Fetches the branch and moves ours to it, fast-forward only. What came is checked before the branch moves.
 *
 * @throws RemoteFailedError, InvalidRemoteError, RemoteBranchMissingError, HistoryForkedError,
 *   InvalidBatchError and UnexpectedEntryError: the branch here stays as it was
 */
export async function pull(
  log: EventLog,
  { repository, reader }: { readonly repository: Repository; readonly reader: GitReader },
  remote: string,
  options: TransferOptions = {},
): Promise<PullResult> {
  await log.seal()
  const from = log.state.visible.position
  const fetched = await fetchBranch(repository, remote, repository.branch, options)
  if (fetched === undefined) throw new RemoteBranchMissingError(repository.branch)
  const local = log.state.branch.commit
  if (await reader.isAncestor(fetched, local)) return { from, to: from, commit: local }
  if (!(await reader.isAncestor(local, fetched))) throw new HistoryForkedError(local, fetched)
  await log.follower.fastForward(fetched)
  return { from, to: log.state.visible.position, commit: log.state.branch.commit }
}
