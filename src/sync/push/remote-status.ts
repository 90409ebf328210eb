import { formatTime } from '../../event/time.ts'
import type { BranchState } from '../../log/branch.ts'
import type { RemoteFailure } from '../../repository/git-process-errors.ts'
import type { KnownRemote, RemoteHeadStatus, Unpushed } from './known-remote.ts'
import type { PusherPhase } from './pusher.ts'

/** What is known of a remote, and of the pushes to it. Times are in ISO 8601. */
export interface RemoteStatus {
  /** Name or address, without credentials. */
  readonly remote: string
  /** Whether it is the one that `ack: 'pushed'` waits for. */
  readonly isAuthority: boolean
  /** Where its branch was last seen; undefined if it never was, or has no such branch. */
  readonly head: RemoteHeadStatus | undefined
  /** What the branch here has more; undefined if that is not known. */
  readonly unpushed: Unpushed | undefined
  readonly phase: PusherPhase
  /** When it last had all that was committed here. */
  readonly pushedAt: string | undefined
  /** Why the last push failed, if it did. */
  readonly error: RemoteErrorStatus | undefined
  /** When the next push is to begin. */
  readonly nextTryAt: string | undefined
}

export interface RemoteErrorStatus {
  readonly at: string
  readonly kind: RemoteFailure
  readonly code: string
  readonly message: string
  /** Whether the push may have arrived all the same. */
  readonly mayHaveArrived: boolean
}

export function remoteStatus(
  known: KnownRemote,
  {
    branch,
    authority,
    phase,
    now,
  }: {
    readonly branch: BranchState
    /** Name or address of the authority, without credentials. */
    readonly authority: string
    readonly phase: PusherPhase
    readonly now: number
  },
): RemoteStatus {
  const { remote, head, pushedAt, failure, nextTryAt } = known
  return {
    remote,
    isAuthority: remote === authority,
    head,
    unpushed: known.unpushed(branch),
    phase,
    pushedAt: pushedAt === undefined ? undefined : formatTime(pushedAt),
    error: failure && { ...failure, at: formatTime(failure.at) },
    // What an earlier process planned may have passed without it.
    nextTryAt: nextTryAt === undefined || nextTryAt < now ? undefined : formatTime(nextTryAt),
  }
}
