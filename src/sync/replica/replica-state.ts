/**
 * What a replica is about:
 *
 * idle → fetching → checking → idle      (fetching → backing-off, checking → refusing: and fetching again) → closed
 */
export type ReplicaPhase = 'idle' | 'fetching' | 'checking' | 'backing-off' | 'refusing' | 'closed'

/** How far a replica is behind its remote, as far as the last look could tell. */
export interface ReplicaLag {
  /** Events that the remote has and the image has not; undefined while that is not known. */
  readonly events: number | undefined
  /** Commits that the remote has and the replica has not; undefined while that is not known. */
  readonly commits: number | undefined
  /** Seconds since the replica was last seen to hold all that the remote holds, by whatever process; undefined if it never was. */
  readonly seconds: number | undefined
}

/** Why a replica does not go on. */
export interface ReplicaProblem {
  readonly code: string
  readonly message: string
  /** What kind of failure of the remote it is: `auth`, `network` … */
  readonly kind: string | undefined
  /** The commit of the remote that was refused. */
  readonly commit: string | undefined
}

/** How a replica and its remote get on. */
export interface ReplicaState {
  /** Address of the remote, without credentials. */
  readonly remote: string
  readonly phase: ReplicaPhase
  readonly lag: ReplicaLag
  /** When the remote last answered, and when it is looked at next: ISO 8601. */
  readonly lastAnswer: string | undefined
  readonly nextLook: string | undefined
  /** How often in a row the remote failed. */
  readonly failures: number
  readonly problem: ReplicaProblem | undefined
}
