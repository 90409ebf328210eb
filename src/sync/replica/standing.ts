import type { CommitDistance } from '../../repository/commit-distance.ts'

/**
 * How a remote's branch stands to ours.
 *
 * - `same`, `continues`: nothing new; commits that follow on ours
 * - `ahead`, `forked`: commits were made here that the remote has not, and it has none, or some, that are not here
 * - `rewound`, `rewritten`: the remote has lost commits that it had, and has none, or others, instead
 */
export type Standing = 'same' | 'continues' | 'ahead' | 'forked' | 'rewound' | 'rewritten'

/** What there is to go by: counts of commits, and whether the remote still has what it had when we last looked. */
export interface StandingFacts {
  readonly onlyHere: number
  readonly onlyThere: number
  readonly hasLost: boolean
}

export function standingOf({ onlyHere, onlyThere, hasLost }: StandingFacts): Standing {
  if (onlyHere === 0) return onlyThere === 0 ? 'same' : 'continues'
  if (hasLost) return onlyThere === 0 ? 'rewound' : 'rewritten'
  return onlyThere === 0 ? 'ahead' : 'forked'
}

/** The counts of `git rev-list` from our commit to the remote's. */
export function factsOf({ onlyLeft, onlyRight }: CommitDistance, hasLost: boolean): StandingFacts {
  return { onlyHere: onlyLeft, onlyThere: onlyRight, hasLost }
}
