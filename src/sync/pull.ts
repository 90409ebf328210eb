import type { OpenedLog } from '../log/open-event-log.ts'
import { RefMovedError } from '../repository/errors.ts'
import { readRef } from '../repository/refs.ts'
import { isPushedElsewhere, trackingRefOf } from '../repository/remote.ts'
import type { TransferOptions } from '../repository/remote-transfer.ts'
import { RemoteBranchMissingError, RemoteEmptiedError } from './errors.ts'
import { findOtherBranch } from './other-branch.ts'
import { admit, compare, fetchIncoming, type Ports } from './replica/gate.ts'

/** What a pull brought. */
export interface PullResult {
  /** Position of the last event before and after. */
  readonly from: number
  readonly to: number
  readonly commit: string
  /** The commit at which the remote was. */
  readonly remoteCommit: string
}

/**
 * Fetches the branch and moves ours to it, fast-forward only. What came is checked before the branch moves.
 *
 * @throws RemoteFailedError, InvalidRemoteError, RemoteBranchMissingError
 * @throws RemoteRewoundError, RemoteRewrittenError, RemoteEmptiedError, HistoryForkedError, BranchUnreadableError and what `admit`
 *   throws for what is not in order: the branch here stays as it was
 */
export async function pull(
  opened: OpenedLog,
  remote: string,
  ports: Ports,
  options: TransferOptions = {},
): Promise<PullResult> {
  const { log, repository } = opened
  const { gitDirectory, branch } = repository
  await log.seal()
  const from = log.state.visible.position
  // It follows pushes as well: where these go elsewhere, what is fetched from may be a mirror that lags behind.
  const isMirror = await isPushedElsewhere(repository, remote)
  const tracking = isMirror ? undefined : trackingRefOf(remote, branch)
  const known = tracking && (await readRef(ports.fileSystem, gitDirectory, tracking))
  const incoming = await fetchIncoming(repository, remote, ports, options)
  if (incoming === undefined) {
    const other = await findOtherBranch({ ...ports, repository }, remote, 'fetch', options)
    throw known === undefined
      ? new RemoteBranchMissingError(branch, other)
      : new RemoteEmptiedError(branch, log.state.branch.commit, other)
  }
  await takeIn(opened, incoming, known, options)
  const { position: to } = log.state.visible
  return { from, to, commit: log.state.branch.commit, remoteCommit: incoming }
}

/** Compares and takes in, anew each time a seal moved the branch in between: what continued it may do so no more. */
async function takeIn(
  opened: OpenedLog,
  incoming: string,
  known: string | undefined,
  options: TransferOptions,
): Promise<void> {
  for (;;) {
    const comparison = await compare(opened, incoming, known)
    try {
      return await admit(opened, incoming, comparison, options)
    } catch (error) {
      if (!(error instanceof RefMovedError)) throw error
      // What was appended meanwhile and waits for its commit rests on the branch here.
      await opened.log.seal()
      // Or somebody moved it to what cannot be taken in.
      await opened.log.follower.look()
      opened.log.checkReadable()
      if (opened.log.state.branch.commit === comparison.local) throw error
    }
  }
}
