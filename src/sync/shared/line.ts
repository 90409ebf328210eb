import { MemoirError } from '../../event/errors.ts'
import type { PreparedAppend } from '../../log/append-check.ts'
import type { Draft, Proposal } from '../../log/draft.ts'
import { ConcurrencyError, DuplicateIdError } from '../../log/errors.ts'
import type { AppendResult } from '../../log/placement.ts'
import { NotConfirmedError } from '../errors.ts'
import { AppendStoredError, AppendWithdrawnError } from './pending.ts'
import type { Outcome, Refusal, WaitingAppend } from './waiting-append.ts'

export interface Decision {
  readonly append: WaitingAppend
  readonly outcome: Outcome
}

/** Tells the appends what became of them. */
export async function tell(decisions: readonly Decision[]): Promise<void> {
  await Promise.all(decisions.map(({ append, outcome }) => append.settle(outcome)))
}

/**
 * The appends that wait for the remote, in the order in which they came, and their places in the draft.
 *
 * Who has a place keeps it until somebody else's events take it: then all get new ones, in the same order.
 * A refusal counts only once what it rests on is the remote's: not a place that may yet be withdrawn, and
 * not a branch that was looked at before the append came.
 */
export class Line {
  private waiting: WaitingAppend[] = []
  private begun = 0
  /** The last position that the remote is known to have: the branch may hold more, of a time without the remote. */
  private remoteEnd = 0
  /** The commit of the branch that refusals rest on. */
  private judgedAt: string | undefined

  constructor(private readonly draft: Draft) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** Whether there is one that was not given up. */
  get isWanted(): boolean {
    return this.waiting.some(({ isAbandoned }) => !isAbandoned)
  }

  get appends(): readonly WaitingAppend[] {
    return this.waiting
  }

  /** Whether somebody waits for the remote's word. */
  get isAwaited(): boolean {
    return this.waiting.some(({ isAwaited }) => isAwaited)
  }

  /**
   * How many events wait. Those that were refused, or given up, stand here until the next round, and count only if they are
   * on their way to the remote.
   */
  countEvents(isProposed: (append: WaitingAppend) => boolean): number {
    const counted = this.waiting.filter((append) => !append.isAbandoned || isProposed(append))
    return counted.reduce((sum, { ids }) => sum + ids.length, 0)
  }

  add(append: WaitingAppend): void {
    append.arrived = this.begun
    this.waiting.push(append)
  }

  /** What became of an append could not be kept: it is decided anew, as what it is. Whoever withdraws it still does. */
  addAgain(append: WaitingAppend): void {
    append.outcome = undefined
    append.placement = undefined
    append.refusal = undefined
    this.add(append)
  }

  /** How many looks at the remote have begun: who has come since was not held against it. */
  get looks(): number {
    return this.begun
  }

  beginLook(): number {
    return ++this.begun
  }

  remove(append: WaitingAppend): void {
    this.waiting = this.waiting.filter((one) => one !== append)
  }

  /**
   * Gives a place to every append that has none and is not refused, up to the first that may not have one yet.
   *
   * @returns those that the branch holds already: made before, by this process or another
   */
  async place(): Promise<Decision[]> {
    this.forgetStaleRefusals()
    const found: Decision[] = []
    for (const append of this.waiting) {
      if (append.isFresh) break
      if (append.placement !== undefined || append.refusal !== undefined || append.isAbandoned) continue
      try {
        const repeated = await this.findRepeated(append)
        // What was never pushed and is stored is the one that it is to replace, under the same ids.
        if (repeated === undefined || !append.mayBeStored) await this.checkReplaced(append)
        if (repeated === undefined) append.placement = this.draft.place(append.appends, append.condition)
        // One that repeats another in this line waits until that one is decided; who waits for the remote's word has that.
        else if (repeated.position <= (append.isOffline ? this.draft.branch.position : this.remoteEnd)) {
          found.push({ append, outcome: { kind: 'confirmed', result: this.committed(repeated) } })
        }
      } catch (error) {
        if (!isVerdict(error)) throw error
        append.refusal = { error, end: this.draft.end }
      }
    }
    return this.decided(found)
  }

  /**
   * Takes out those that are withdrawn, by a branch that was just seen to be the remote's; what it holds of them is
   * confirmed all the same. By itself: they are told, though what the others wait for cannot be found out.
   */
  async takeOut(): Promise<Decision[]> {
    const withdrawn = this.waiting.filter(({ withdrawals }) => withdrawals > 0)
    if (withdrawn.length === 0) return []
    // Others may rest on them, and they are looked for on the branch alone.
    this.withdraw()
    const found: Decision[] = []
    for (const append of withdrawn) found.push({ append, outcome: await this.outcomeOfWithdrawn(append) })
    return this.decided(found)
  }

  /**
   * Decides by a branch that was just seen to be the remote's: who is on it, and, when all others have their places,
   * whose refusal is final.
   */
  async decide(look: number): Promise<Decision[]> {
    this.remoteEnd = this.draft.branch.position
    return [...(await this.place()), ...this.refuse(look)]
  }

  /** Writes commits for those that have a place; undefined when none has one. */
  propose(): Promise<Proposal | undefined> {
    return this.draft.propose()
  }

  /** Whether a proposal holds what is safe here, and is pushed until the remote takes it. */
  isOfflineIn({ placements }: Proposal): boolean {
    const proposed = new Set(placements)
    return this.waiting.some(({ isOffline, placement }) => isOffline && placement && proposed.has(placement))
  }

  /** The remote has what was proposed. @returns whose events it holds now */
  async confirm(proposal: Proposal): Promise<Decision[]> {
    await this.draft.confirm(proposal)
    this.judgedAt = this.draft.branch.commit
    this.remoteEnd = this.draft.branch.position
    const held = new Set(proposal.placements)
    const confirmed = this.waiting.flatMap((append): Decision[] => {
      const { placement } = append
      if (placement === undefined || !held.has(placement)) return []
      const { result } = placement
      const { commit } = proposal.states.find(({ position }) => position >= result.position)!
      return [{ append, outcome: { kind: 'confirmed', result: { ...result, commit } } }]
    })
    return this.decided(confirmed)
  }

  /**
   * The branch was seen to be the remote's.
   *
   * @param look who came before it was held against what the remote had then
   * @returns whose refusal is final; the others are tried again
   */
  refuse(look: number): Decision[] {
    const { position } = this.draft.branch
    const refused: Decision[] = []
    for (const append of this.waiting) {
      const { refusal, arrived } = append
      if (refusal === undefined || refusal.end > position) continue
      if (arrived < look)
        refused.push({ append, outcome: { kind: 'refused', error: this.verdictOn(append, refusal) } })
      else append.refusal = undefined
    }
    return this.decided(refused)
  }

  /** The remote takes nothing from us: those who wait for it need not wait any longer. */
  refuseAwaited(error: Error): void {
    for (const append of this.waiting.filter(({ isAwaited }) => isAwaited)) {
      append.isAbandoned = true
      void append.settle({
        kind: 'refused',
        error: append.mayBeStored ? new NotConfirmedError(true, error) : error,
      })
    }
  }

  /**
   * Leaves out those that nobody waits for any more. Not while a proposal is on its way, nor beside what gives places.
   *
   * @returns whether there were any: then all places are taken back, and what was proposed is void
   */
  dropAbandoned(): boolean {
    const kept = this.waiting.filter(({ isAbandoned }) => !isAbandoned)
    if (kept.length === this.waiting.length) return false
    this.waiting = kept
    this.withdraw()
    return true
  }

  /** Nobody knows whether the remote has what was proposed. */
  doubt({ placements, from }: Proposal): void {
    const proposed = new Set(placements)
    for (const append of this.waiting) {
      if (append.placement === undefined || !proposed.has(append.placement)) continue
      append.mayBeStored = true
      append.doubtedAt = from.commit
    }
  }

  /** Takes all places back: somebody else has taken them. */
  withdraw(): void {
    this.draft.withdraw()
    for (const append of this.waiting) {
      append.placement = undefined
      append.refusal = undefined
    }
  }

  /** Somebody may have moved the branch here while none had a place on it, as a git by hand does. */
  private forgetStaleRefusals(): void {
    const { commit } = this.draft.branch
    if (commit === this.judgedAt) return
    this.judgedAt = commit
    for (const append of this.waiting) append.refusal = undefined
  }

  /** What to tell of a refusal that is final: a push that broke off may arrive yet, where the branch is still at its start. */
  private verdictOn({ isOffline, doubtedAt }: WaitingAppend, { error }: Refusal): Error {
    const mayArrive = !isOffline && doubtedAt === this.draft.branch.commit
    return mayArrive ? new NotConfirmedError(true, error) : error
  }

  private async outcomeOfWithdrawn(append: WaitingAppend): Promise<Outcome> {
    try {
      const stored = await this.findRepeated(append)
      if (stored !== undefined) return { kind: 'confirmed', result: this.committed(stored) }
    } catch (error) {
      if (!isVerdict(error)) throw error
      return { kind: 'refused', error }
    }
    return { kind: 'refused', error: new AppendWithdrawnError() }
  }

  private findRepeated({ appends, mayBeStored }: WaitingAppend): Promise<AppendResult | undefined> {
    return this.draft.findRepeated(mayBeStored ? appends.map(withKnownIds) : appends)
  }

  /** @throws AppendStoredError, DuplicateIdError */
  private async checkReplaced({ insteadOf }: WaitingAppend): Promise<void> {
    if (insteadOf === undefined) return
    const stored = await this.draft.findRepeated(insteadOf.appends)
    if (stored !== undefined) throw new AppendStoredError(insteadOf.key)
  }

  private decided(decisions: Decision[]): Decision[] {
    if (decisions.length === 0) return decisions
    for (const { append, outcome } of decisions) append.outcome = outcome
    this.waiting = this.waiting.filter(({ isDecided }) => !isDecided)
    return decisions
  }

  private committed(result: AppendResult): AppendResult {
    return { ...result, commit: this.draft.branch.commit }
  }
}

/** Whether an error says that an append does not hold, rather than that it could not be found out. */
function isVerdict(error: unknown): error is MemoirError {
  return (
    error instanceof ConcurrencyError ||
    error instanceof DuplicateIdError ||
    error instanceof AppendStoredError ||
    (error instanceof MemoirError && (error.code === 'time-backwards' || error.code === 'usage'))
  )
}

/** As if the caller had chosen the ids: then what is stored already is recognised by them. */
function withKnownIds(append: PreparedAppend): PreparedAppend {
  return { ...append, events: append.events.map((event) => ({ ...event, hasGivenId: true })) }
}
