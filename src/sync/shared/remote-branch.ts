import type { EventLog } from '../../log/event-log.ts'
import { commitDistance } from '../../repository/commit-distance.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { fetchBranch, pushBranch } from '../../repository/remote.ts'
import type { Repository } from '../../repository/repository.ts'
import type { GitRunner } from '../../repository/runner.ts'
import type { Clock } from '../../system/clock.ts'
import { HistoryForkedError, MergeCommitError, RemoteBranchMissingError } from '../errors.ts'

export interface RemoteBranchParts {
  readonly log: EventLog
  readonly repository: Repository
  readonly reader: GitReader
  readonly runner: GitRunner
  /** Name or address of the remote. */
  readonly remote: string
  readonly clock: Clock
}

/** How long the remote may stay silent, in milliseconds. */
const SILENCE = { timeoutMs: 30_000 }

/** The branch on the remote: what all its writers agree on. */
export class RemoteBranch {
  /** When it last took a push, and last answered a fetch, in milliseconds since 1970. */
  lastPushMs: number | undefined
  lastFetchMs: number | undefined
  private others = 0

  constructor(private readonly parts: RemoteBranchParts) {}

  /**
   * Fetches, and moves the branch here to what the remote has, after a look at it. Commits that only we have
   * are pushed.
   *
   * @param withdraw told before the branch moves
   * @returns whether the branch here moved
   * @throws RemoteFailedError, RemoteBranchMissingError, HistoryForkedError, MergeCommitError,
   *   InvalidBatchError, UnexpectedEntryError …: the branch stays as it was
   */
  async fetch(withdraw: () => void): Promise<boolean> {
    const { log, repository, reader, runner, remote, clock } = this.parts
    const fetched = await fetchBranch(repository, remote, repository.branch, SILENCE)
    this.lastFetchMs = clock.now()
    if (fetched === undefined) throw new RemoteBranchMissingError(repository.branch)
    const local = log.state.branch
    if (fetched === local.commit) return false
    const { onlyLeft, onlyRight, merge } = await commitDistance(reader, runner, local.commit, fetched)
    if (onlyLeft > 0 && onlyRight > 0) throw new HistoryForkedError(local.commit, fetched)
    if (onlyLeft > 0) {
      await this.push(local.commit)
      return false
    }
    if (merge !== undefined) throw new MergeCommitError(merge)
    await log.follower.fastForward(fetched, withdraw)
    // Each push adds a file at least; a fold takes many away.
    this.others += Math.max(1, log.state.branch.tree.fileCount - local.tree.fileCount)
    return true
  }

  /** About how many pushes of others were taken in since this was last asked. */
  takeOthers(): number {
    const { others } = this
    this.others = 0
    return others
  }

  /** Pushes a commit as a fast-forward. @throws RemoteFailedError: see `mayHaveArrived` */
  async push(commit: string): Promise<void> {
    const { repository, remote, clock } = this.parts
    await pushBranch(repository, remote, repository.branch, { ...SILENCE, commit })
    this.lastPushMs = clock.now()
  }
}
