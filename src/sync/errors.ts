import { MemoirError, messageOf } from '../event/errors.ts'
import { RemoteFailedError } from '../repository/git-process-errors.ts'
import { BRANCHES } from '../repository/remote.ts'
import type { ProcessIdentity } from '../system/process-identity.ts'

/** Events are committed here, but are not known to be on the remote. */
export class NotPushedError extends MemoirError {
  readonly code = 'not-pushed'
  /** Whether the remote is known not to have them, or may have them all the same. */
  readonly outcome: 'absent' | 'unknown'

  constructor(
    /** Position of the last event of the append. */
    readonly position: number,
    readonly commit: string,
    cause: unknown,
    /** Whether the push was cut off, by whoever waited for it. */
    { isCut = false }: { readonly isCut?: boolean } = {},
  ) {
    const outcome = isCut ? 'unknown' : outcomeOf(cause)
    const end = outcome === 'absent' ? 'were not pushed' : 'may or may not have been pushed'
    super(`events up to position ${position} are committed here but ${end}: ${messageOf(cause)}`, {
      cause,
      hint: `Do not append them again: they are stored. Push again once the cause is mended. ${hintOf(cause)}`,
    })
    this.outcome = outcome
  }
}

/** The remote did not confirm an append in time. */
export class NotConfirmedError extends MemoirError {
  readonly code = 'not-confirmed'
  constructor(
    /** Whether the events may be on the remote all the same; if not, they are not, and will not be. */
    readonly mayBeStored: boolean,
    cause: unknown,
  ) {
    super(
      `the remote did not confirm an append in time${mayBeStored ? ', and may have stored it' : ': nothing was stored'}${cause === undefined ? '' : `: ${messageOf(cause)}`}`,
      {
        cause,
        hint: mayBeStored
          ? 'Repeat it with the same event ids: it is never stored twice.'
          : "Append again, or with ack: 'committed', which needs no remote.",
      },
    )
  }
}

/** The way out where the log here and on a remote have gone different ways. */
export const KEEP_ONE =
  'Keep one of them, and append the events of the other anew: `memoir accept-rewrite` says what is here alone, and takes the history of the remote.'

/** The branch here and the one on the remote each have commits that the other has not. Nothing was changed. */
export class HistoryForkedError extends MemoirError {
  readonly code = 'history-forked'
  constructor(
    readonly local: string,
    readonly remote: string,
  ) {
    super(`the branch here (${local}) and on the remote (${remote}) have gone different ways`, {
      hint: `Two processes wrote to two copies of the log, or somebody rewrote one. ${KEEP_ONE}`,
    })
  }
}

/** A branch that a remote has where it has not the one that is asked for. */
export interface OtherBranch {
  /** Its full name. */
  readonly ref: string
  /** Whether the repository here has one of this name, too. */
  readonly isHere: boolean
}

/** The remote has no such branch: nothing was ever pushed to it. */
export class RemoteBranchMissingError extends MemoirError {
  readonly code = 'remote-branch-missing'
  constructor(
    readonly branch: string,
    other?: OtherBranch,
  ) {
    super(`the remote has no branch ${branch}`, {
      hint: `${renameHint(branch, other)}Push to it first, or check its address.`,
    })
  }
}

/** A remote went back to an earlier commit: it lost commits that it had. What is here stays. */
export class RemoteRewoundError extends MemoirError {
  readonly code = 'remote-rewound'
  constructor(
    readonly local: string,
    readonly remote: string,
  ) {
    super(`the remote went back to commit ${remote}, which is before ${local}`, {
      hint: 'Find out who did that. Push what is here to bring it back, or give up what is here: `memoir accept-rewrite`.',
    })
  }
}

/** A remote replaced commits that it had by others. What is here stays. */
export class RemoteRewrittenError extends MemoirError {
  readonly code = 'remote-rewritten'
  constructor(
    readonly local: string,
    readonly remote: string,
  ) {
    super(`the remote's history was rewritten: its commit ${remote} does not come after ${local}`, {
      hint: 'Find out who did that. To take the new history for the old one, use `memoir accept-rewrite`.',
    })
  }
}

/** A remote no longer has the branch. What is here stays. */
export class RemoteEmptiedError extends MemoirError {
  readonly code = 'remote-emptied'
  constructor(
    readonly branch: string,
    readonly local: string,
    other?: OtherBranch,
  ) {
    super(`the remote has lost the branch ${branch}`, {
      hint: `${renameHint(branch, other)}Find out who did that. What is here is whole, up to commit ${local}: push it to bring the branch back, from the clone that knows most where there are several.`,
    })
  }
}

/** A replica is not the one that was last checked: somebody put another, or an older one, in its place. */
export class ReplicaReplacedError extends MemoirError {
  readonly code = 'replica-replaced'
  constructor(
    readonly path: string,
    /** The commit that was last checked, and the one found. */
    readonly pinned: string,
    readonly found: string,
  ) {
    super(`${path} is not the replica that was last checked: commit ${found} does not hold ${pinned}`, {
      // By the path under which it is followed: it may be known by others, too.
      hint: `Move it away and follow the remote again, or take it as it is: memoir -C ${path} accept-rewrite`,
    })
  }
}

/** Another process maintains the repository. */
export class MaintenanceRunningError extends MemoirError {
  readonly code = 'maintenance-running'
  constructor(readonly owner: ProcessIdentity) {
    super(`process ${owner.pid} on ${owner.host} maintains this repository, since ${owner.since}`, {
      hint: 'Wait for it to end: there is nothing else to do. If it died on another machine, release its lock: memoir doctor --fix.',
    })
  }
}

/** What else than a remote fails, fails before anything is sent, but for a push that was broken off. */
function outcomeOf(cause: unknown): 'absent' | 'unknown' {
  if (cause instanceof RemoteFailedError) return cause.mayHaveArrived ? 'unknown' : 'absent'
  return cause instanceof MemoirError ? 'absent' : 'unknown'
}

/** Pushed under the name that it has here, a branch that was renamed would be two. */
function renameHint(branch: string, other: OtherBranch | undefined): string {
  if (other === undefined) return ''
  const [from, to] = [branch, other.ref].map((ref) => ref.replace(BRANCHES, ''))
  const way = other.isHere
    ? `go back to that branch here (git checkout ${to}, in a bare repository git symbolic-ref HEAD ${other.ref})`
    : `rename the branch here (git branch -m ${from} ${to})`
  return `It has ${other.ref}. If the log goes on there, push nothing: close the log, ${way}, and open it again. If not: `
}

function hintOf(cause: unknown): string {
  return (cause instanceof MemoirError && cause.hint) || ''
}
