import { type AppendCondition, copyCondition } from '../../event/condition.ts'
import type { PreparedAppend } from '../../log/append-check.ts'
import type { Placement } from '../../log/draft.ts'
import type { AppendResult } from '../../log/placement.ts'

/** What became of an append. */
export type Outcome =
  /** The remote's branch holds it. */
  | { readonly kind: 'confirmed'; readonly result: AppendResult }
  /** It did not hold on the remote's branch as it stood. */
  | { readonly kind: 'refused'; readonly error: Error }

/** Why an append has no place, and the last position of what it was held against. */
export interface Refusal {
  readonly error: Error
  readonly end: number
}

/** What may be told of an append when it comes. */
interface Origin {
  /** Its key in the outbox, where it is safe; undefined when somebody waits for the remote's word. */
  readonly key?: string
  /** An append in whose stead it is made: where the remote has that one, it does not hold. */
  readonly insteadOf?: Replaced | undefined
}

interface Replaced {
  readonly key: string
  readonly appends: readonly PreparedAppend[]
}

/**
 * An append that the remote has not confirmed yet.
 *
 * waiting → placed → confirmed      (placed → waiting: somebody else was faster; waiting → refused)
 * waiting | placed → refused: it was withdrawn
 */
export class WaitingAppend {
  /** Its place on top of the branch, while it has one. */
  placement: Placement | undefined
  refusal: Refusal | undefined
  /** How many looks at the remote had begun when it came. */
  arrived = 0
  /** What became of it. */
  outcome: Outcome | undefined
  /** It is to be safe here and is not yet: until then it gets no place, so that no push takes it along. */
  isFresh = false
  /** Nobody waits for it any more: it is left out of the next push. */
  isAbandoned = false
  /** How many wait for it to be withdrawn: the next look at the remote decides. */
  withdrawals = 0
  /** The remote may hold it, for all that is known: it is looked for before it is given a place. */
  mayBeStored: boolean
  /** The commit after which the last push came whose end nobody knows. */
  doubtedAt: string | undefined
  /** Its key in the outbox. */
  readonly key: string | undefined
  readonly insteadOf: Replaced | undefined
  readonly condition: AppendCondition | undefined

  constructor(
    readonly appends: readonly PreparedAppend[],
    condition: AppendCondition | undefined,
    { key, insteadOf }: Origin,
    /** Told once, when it is decided. */
    readonly settle: (outcome: Outcome) => void | Promise<void>,
  ) {
    this.condition = condition && copyCondition(condition)
    this.key = key
    this.insteadOf = insteadOf
    // What is in an outbox may have been pushed by an earlier process, or from a copy of it.
    this.mayBeStored = this.isOffline
  }

  get ids(): readonly string[] {
    return this.appends.flatMap(({ events }) => events.map(({ id }) => id))
  }

  get isDecided(): boolean {
    return this.outcome !== undefined
  }

  /** Whether it is safe here, so that nobody has to wait for the remote. */
  get isOffline(): boolean {
    return this.key !== undefined
  }

  /** Whether somebody waits for the remote's word. */
  get isAwaited(): boolean {
    return !this.isOffline && !this.isAbandoned && !this.isDecided
  }
}
