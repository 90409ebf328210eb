import type { Draft } from '../../log/draft.ts'
import type { RemoteBranchParts } from './remote-branch.ts'

/** What the rounds of a shared log are made of. */
export interface RoundLoopParts extends RemoteBranchParts {
  readonly draft: Draft
  /** A fraction from 0 to 1. */
  readonly chance: () => number
  /** How often the remote is looked at while there is nothing to push, in milliseconds. */
  readonly fetchMs: number
  /** Told when a round fails, once until one does not. */
  readonly onFailure: (error: Error) => void
  /** Told when the remote is known to have what the branch here has. */
  readonly onConfirmed: () => void
  /** Told after each move of the branch. */
  readonly onMoved: () => void
}
