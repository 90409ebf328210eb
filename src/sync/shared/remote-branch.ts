import { readBranchState } from '../../log/branch.ts'
import type { EventLog } from '../../log/event-log.ts'
import { moveRef } from '../../log/ref-move.ts'
import { commitDistance } from '../../repository/commit-distance.ts'
import { syncPackNames } from '../../repository/durable-file.ts'
import { RefMovedError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { findNearRemote } from '../../repository/near-remote.ts'
import { readRef } from '../../repository/refs.ts'
import {
  fetchBranch,
  findRemoteHead,
  pushBranch,
  type TransferOptions,
} from '../../repository/remote-transfer.ts'
import type { Repository } from '../../repository/repository.ts'
import type { GitRunner } from '../../repository/runner.ts'
import type { Clock } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { onAbort } from '../../system/on-abort.ts'
import {
  HistoryForkedError,
  RemoteBranchMissingError,
  RemoteEmptiedError,
  RemoteRewoundError,
  RemoteRewrittenError,
} from '../errors.ts'
import { checkLine } from '../line-check.ts'
import { findOtherBranch } from '../other-branch.ts'
import { RefusedHead } from '../refused-head.ts'
import { checkSameLog } from '../replica/gate.ts'
import { holds } from '../replica/pin.ts'

export interface RemoteBranchParts {
  readonly log: EventLog
  readonly logId: string
  readonly repository: Repository
  readonly reader: GitReader
  readonly runner: GitRunner
  /** Name or address of the remote. */
  readonly remote: string
  readonly fileSystem: FileSystem
  readonly clock: Clock
}

/** How long the remote may stay silent, in milliseconds. */
const SILENCE_MS = 30_000
/** The last commit that the remote was seen to have. */
const CONFIRMED = 'refs/memoir/confirmed'

/** Thrown by a fetch or push that was cut off because nobody waits for it any more. */
export const CUT_OFF = new Error('nobody waits for the remote any more')

/** The branch on the remote: what all its writers agree on. */
export class RemoteBranch {
  /** When it last took a push, and last answered a fetch, in milliseconds since 1970. */
  lastPushMs: number | undefined
  lastFetchMs: number | undefined
  /** Whether nothing is to be asked of the remote any more. */
  isStopped = false
  private others = 0
  private readonly refused = new RefusedHead()
  private underWay = new AbortController()

  constructor(private readonly parts: RemoteBranchParts) {}

  /**
   * Fetches, and moves the branch here to what the remote has, after a look at it. Commits that were made here
   * and that the remote never had are pushed.
   *
   * @param withdraw told before the branch moves
   * @returns whether the branch here moved
   * @throws RemoteFailedError, CUT_OFF, RemoteBranchMissingError, RemoteEmptiedError, RemoteRewoundError,
   *   RemoteRewrittenError, HistoryForkedError, OtherLogError, BranchUnreadableError, and what `checkLine` and `examine` throw: InvalidBatchError,
   *   UnexpectedEntryError …: the branch stays as it was
   */
  async fetch(withdraw: () => void): Promise<boolean> {
    const { log, repository, remote, clock } = this.parts
    const { branch } = repository
    const transfer = this.transfer()
    const head = this.refused.isThere ? await findRemoteHead(repository, remote, branch, transfer) : undefined
    // Where pushes go all its writers agree; a mirror that it is fetched from may lag behind.
    const options = { ...transfer, whereItPushes: true }
    const fetched = await this.refused.fetch(head, () => fetchBranch(repository, remote, branch, options))
    this.lastFetchMs = clock.now()
    const before = log.state.branch
    if (fetched === undefined) throw await this.missing(before.commit, transfer)
    try {
      await this.takeIn(fetched, withdraw, transfer.signal)
    } catch (error) {
      if (!(error instanceof RefMovedError)) throw error
      // A git moved the branch here, or a disk that failed after it had.
      await log.follower.look()
      log.checkReadable()
      await this.takeIn(fetched, withdraw, transfer.signal)
    }
    await this.remember()
    return log.state.branch !== before
  }

  /**
   * Takes in what somebody did to the branch here, before anything is pushed that does not rest on it.
   *
   * @param withdraw told before the branch is taken in
   * @returns whether there was anything
   * @throws BranchUnreadableError
   */
  async followHere(withdraw: () => Promise<void>): Promise<boolean> {
    const { log, repository, fileSystem } = this.parts
    const here = await readRef(fileSystem, repository.gitDirectory, repository.branch)
    if (here === log.state.branch.commit) return false
    await withdraw()
    await log.follower.look()
    log.checkReadable()
    return true
  }

  private async takeIn(
    fetched: string,
    withdraw: () => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { log, logId, repository, reader, runner, fileSystem } = this.parts
    const local = log.state.branch
    if (fetched === local.commit) return log.follower.catchUp()
    await syncPackNames(fileSystem, repository.gitDirectory)
    const { onlyLeft, onlyRight } = await commitDistance(reader, runner, local.commit, fetched)
    if (onlyLeft > 0) return this.bringForward(local.commit, fetched, onlyRight, signal)
    await checkLine(fetched, { before: local, logId, reader, source: log.source, signal })
    await log.follower.fastForward(fetched, local.commit, { withdraw, signal })
    // Each push adds a file at least; a fold takes many away.
    this.others += Math.max(1, log.state.branch.tree.fileCount - local.tree.fileCount)
  }

  /** About how many pushes of others were taken in since this was last asked. */
  takeOthers(): number {
    const { others } = this
    this.others = 0
    return others
  }

  /**
   * Pushes a commit on top of the one where the remote was last seen.
   *
   * @throws RemoteFailedError: see `mayHaveArrived`; CUT_OFF
   */
  async push(commit: string, expected: string): Promise<void> {
    const { repository, remote, clock } = this.parts
    await pushBranch(repository, remote, repository.branch, { ...this.transfer(), commit, expected })
    this.lastPushMs = clock.now()
  }

  /** Ends the fetch, with the look at what came, or the push that is under way: it throws CUT_OFF. */
  cutOff(): void {
    this.underWay.abort(CUT_OFF)
  }

  /** Cuts off what is under way when a signal is aborted. */
  async cutOffAt(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    const stopListening = onAbort(signal, () => this.cutOff())
    try {
      await work()
    } finally {
      stopListening()
    }
  }

  /** Cuts off what is under way, and all that would come after it. */
  stop(): void {
    this.isStopped = true
    this.cutOff()
  }

  /**
   * Where its writers queue: only that of a remote which is a folder; undefined for any other.
   *
   * @throws InvalidRemoteError
   */
  async turnsDirectory(): Promise<string | undefined> {
    const { repository, remote } = this.parts
    const folder = await findNearRemote(repository, remote)
    return folder && `${folder}/memoir/turns`
  }

  /** Remembers that the remote has what the branch here has: what it loses from now on is a loss. */
  async remember(): Promise<void> {
    const { log, repository, fileSystem, clock } = this.parts
    const expected = await this.confirmed()
    const next = log.state.branch.commit
    if (next === expected) return
    await moveRef(fileSystem, repository.gitDirectory, CONFIRMED, { expected, next }, clock)
  }

  private transfer(): TransferOptions {
    if (this.isStopped) throw CUT_OFF
    this.underWay = new AbortController()
    return { timeoutMs: SILENCE_MS, signal: this.underWay.signal }
  }

  /** The remote does not have all that is here. */
  private async bringForward(
    local: string,
    fetched: string,
    onlyThere: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { log, reader, logId } = this.parts
    if (onlyThere > 0) await checkSameLog({ manifest: { id: logId }, reader }, fetched)
    const confirmed = await this.confirmed()
    // What is not here any more was given up here.
    const isHere = confirmed !== undefined && (await holds(reader, local, confirmed))
    const hasLost = isHere && !(await holds(reader, fetched, confirmed))
    if (hasLost && onlyThere > 0) throw new RemoteRewrittenError(local, fetched)
    if (hasLost) throw new RemoteRewoundError(local, fetched)
    if (onlyThere > 0) throw new HistoryForkedError(local, fetched)
    // Of a time when this clone was the only writer, or by hand: what the others refuse stays here.
    const before = await readBranchState(fetched, reader, log.source)
    await checkLine(local, { before, logId, reader, source: log.source, signal })
    await this.push(local, fetched)
  }

  private async missing(local: string, transfer: TransferOptions): Promise<Error> {
    const { repository, remote } = this.parts
    const { branch } = repository
    const other = await findOtherBranch(this.parts, remote, 'push', transfer)
    const wasThere = (await this.confirmed()) !== undefined
    return wasThere
      ? new RemoteEmptiedError(branch, local, other)
      : new RemoteBranchMissingError(branch, other)
  }

  private confirmed(): Promise<string | undefined> {
    const { fileSystem, repository } = this.parts
    return readRef(fileSystem, repository.gitDirectory, CONFIRMED)
  }
}
