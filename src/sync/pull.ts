import { LogClosedError } from '../log/errors.ts'
import type { OpenedLog } from '../log/open-event-log.ts'
import { readRef } from '../repository/refs.ts'
import { trackingRefOf } from '../repository/remote.ts'
import type { TransferOptions } from '../repository/remote-transfer.ts'
import { RemoteBranchMissingError, RemoteEmptiedError } from './errors.ts'
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
 * @throws RemoteRewoundError, RemoteRewrittenError, RemoteEmptiedError, HistoryForkedError and what `admit`
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
  const tracking = trackingRefOf(remote, branch)
  const known = tracking && (await readRef(ports.fileSystem, gitDirectory, tracking))
  const incoming = await fetchIncoming(repository, remote, ports, options)
  if (incoming === undefined) {
    throw known === undefined
      ? new RemoteBranchMissingError(branch)
      : new RemoteEmptiedError(branch, log.state.branch.commit)
  }
  await admit(opened, incoming, await compare(opened, incoming, known), options.signal)
  const { position: to } = log.state.visible
  return { from, to, commit: log.state.branch.commit, remoteCommit: incoming }
}

/** The pulls of an open log: what closes it cuts off those that are under way, so that no git goes on after it. */
export class Pulls {
  private readonly closing = new AbortController()
  private readonly running = new Set<Promise<PullResult>>()

  /** Runs a pull with options whose signal is also aborted when the log is closed. */
  async run(
    options: TransferOptions,
    task: (options: TransferOptions) => Promise<PullResult>,
  ): Promise<PullResult> {
    const { signal: closing } = this.closing
    closing.throwIfAborted()
    const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal])
    const pulled = task({ ...options, signal })
    this.running.add(pulled)
    try {
      return await pulled
    } finally {
      this.running.delete(pulled)
    }
  }

  /** Resolves when none is under way. */
  async close(): Promise<void> {
    this.closing.abort(new LogClosedError())
    await Promise.allSettled(this.running)
  }
}
