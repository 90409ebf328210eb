import { MemoirError } from '../../event/errors.ts'
import { type BranchState, readBranchState } from '../../log/branch.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { commitDistance } from '../../repository/commit-distance.ts'
import { GitFailedError, RemoteFailedError, type RemoteFailure } from '../../repository/git-process-errors.ts'
import { RefusedHead } from '../refused-head.ts'
import type { RemoteFailureRecord, RemoteRecord, RemoteRecords } from './remote-record.ts'

/** A remote's branch, as last seen. */
export interface RemoteHeadStatus {
  readonly commit: string
  /** Position of its last event; undefined for a commit that is not here. */
  readonly position: number | undefined
}

/** What the branch here has that a remote has not. */
export interface Unpushed {
  readonly events: number
  readonly commits: number
}

/** Up to where both have the same, seen from our branch as it was then. */
interface Base {
  readonly position: number
  /** How many commits our branch had more. */
  readonly commits: number
  readonly own: BranchState['own']
}

/** Where a remote was last seen, and how far it is behind, kept so that `status` needs no I/O. */
export class KnownRemote {
  /** Where its branch was last seen. */
  head: RemoteHeadStatus | undefined
  private base: Base | undefined
  private sights = 0
  /** When it last was known to have all that was committed here, in milliseconds since 1970. */
  pushedAt: number | undefined
  nextTryAt: number | undefined
  readonly refused = new RefusedHead()
  /** Why it does not have it now, if a push of this process failed. */
  error: Error | undefined
  /** The same in a form that lasts: from an earlier process, if none of this one's failed or arrived. */
  failure: RemoteFailureRecord | undefined

  constructor(
    /** Name or address, without credentials. */
    readonly remote: string,
    private readonly records: RemoteRecords,
    record?: RemoteRecord,
  ) {
    this.head = record?.head
    this.pushedAt = record?.pushedAt
    this.failure = record?.failure
    this.nextTryAt = record?.nextTryAt
  }

  /** Undefined where it cannot be known: the remote was never seen, or at a commit that is not here. */
  unpushed(branch: BranchState): Unpushed | undefined {
    const { base } = this
    if (base === undefined || this.isOutdated(branch)) return undefined
    const commits = base.commits + branch.own.commits - base.own.commits
    // A commit by hand may have taken events away.
    return { events: Math.max(0, branch.position - base.position), commits }
  }

  /** Whether our branch has changed by commits of others since it was compared. */
  isOutdated({ own }: BranchState): boolean {
    return this.base !== undefined && this.base.own.since !== own.since
  }

  /** Says that the remote is where our branch was. */
  reached({ commit, position, own }: BranchState): void {
    this.sights++
    this.head = { commit, position }
    this.base = { position, commits: 0, own }
  }

  /**
   * Says at which commit the remote's branch was seen, and finds out how our branch stands to it. Costs one
   * or two runs of git (3 ms each) unless it is where our branch is.
   */
  async see(commit: string, log: OpenedLog): Promise<void> {
    const branch = log.log.state.branch
    if (commit === branch.commit) return this.reached(branch)
    const sight = ++this.sights
    const isPlaced = commit === this.head?.commit && this.head.position !== undefined
    const head = isPlaced ? this.head! : { commit, position: await positionOf(commit, log) }
    const base = await baseOf(head, branch, log)
    // It may have been seen elsewhere meanwhile.
    if (sight !== this.sights) return
    this.head = head
    this.base = base
  }

  succeeded(at: number): void {
    this.pushedAt = at
    this.error = undefined
    this.failure = undefined
  }

  failed(error: Error, kind: RemoteFailure, at: number): void {
    const code = error instanceof MemoirError ? error.code : 'unknown'
    const mayHaveArrived = error instanceof RemoteFailedError && error.mayHaveArrived
    this.error = error
    this.failure = { at, kind, code, message: error.message, mayHaveArrived }
  }

  /** Compares our branch with the remote anew if it has changed by commits of others. */
  async bringUpToDate(log: OpenedLog): Promise<void> {
    while (this.head !== undefined && this.isOutdated(log.log.state.branch))
      await this.see(this.head.commit, log)
  }

  /** @throws DiskFullError, PermissionDeniedError, FileFailedError */
  save(): Promise<void> {
    const { remote, head, pushedAt, failure, nextTryAt } = this
    return this.records.save({ remote, head, pushedAt, failure, nextTryAt })
  }
}

async function positionOf(commit: string, { log, reader }: OpenedLog): Promise<number | undefined> {
  try {
    return (await readBranchState(commit, reader, log.source, log.state.branch)).position
  } catch {
    // Not here, or no log: then there is no position to show.
    return undefined
  }
}

async function baseOf(
  { commit, position }: RemoteHeadStatus,
  branch: BranchState,
  log: OpenedLog,
): Promise<Base | undefined> {
  try {
    const { onlyLeft, onlyRight } = await commitDistance(log.reader, log.runner, branch.commit, commit)
    const at = { commits: onlyLeft, own: branch.own }
    if (onlyRight === 0 && position !== undefined) return { ...at, position }
    if (onlyLeft === 0) return { ...at, position: branch.position }
    const shared = await findMergeBase(commit, branch.commit, log)
    return { ...at, position: shared === undefined ? 0 : ((await positionOf(shared, log)) ?? 0) }
  } catch {
    // Without git, or without that commit, nobody can tell.
    return undefined
  }
}

/** The last commit that two have in common; undefined if there is none. */
async function findMergeBase(a: string, b: string, { runner }: OpenedLog): Promise<string | undefined> {
  try {
    const { stdout } = await runner.run(['merge-base', '--end-of-options', a, b])
    return stdout.toString().trim()
  } catch (error) {
    if (error instanceof GitFailedError && error.exitCode === 1) return undefined
    throw error
  }
}
