import type { AppendCondition } from '../event/condition.ts'
import type { Codec } from '../event/event.ts'
import { JsonWriter } from '../event/json-writer.ts'
import { timeOf } from '../event/time.ts'
import { groupEntries, type JournalEntry } from '../journal/journal.ts'
import type { Clock } from '../system/clock.ts'
import type { PreparedAppend } from './append-check.ts'
import { batchBytes, batchChange } from './batch-change.ts'
import type { BatchSource } from './batch-source.ts'
import type { BranchState } from './branch.ts'
import type { CommitChange, Committer } from './committer.ts'
import type { Exclusive } from './exclusive.ts'
import type { Folding } from './folding.ts'
import type { LogListener, LogState } from './log-state.ts'
import { type AppendResult, place } from './placement.ts'
import { findRepeatedAppend, positionsOfGivenIds } from './repeated-append.ts'
import { type Run, UnsealedRun } from './run.ts'
import { COMMITS_A_ROUND } from './sealer.ts'
import { show } from './showing.ts'
import { Tail } from './tail.ts'

export interface DraftParts {
  readonly state: LogState
  readonly source: BatchSource
  readonly committer: Committer
  readonly folding: Folding
  readonly listener: LogListener
  readonly branchLock: Exclusive
  readonly codec: Codec
  readonly clock: Clock
}

/** Room for the lines of common appends. */
const LINES_BYTES = 16 * 1024

/** An append with a provisional place, and its lines. */
export interface Placement extends JournalEntry {
  readonly result: AppendResult
}

/** Commits that are written and that no branch holds yet. */
export interface Proposal {
  readonly from: BranchState
  /** The state after each commit. */
  readonly states: readonly BranchState[]
  readonly changes: readonly CommitChange[]
  /** The appends that they hold. */
  readonly placements: readonly Placement[]
}

/**
 * Appends that have a place on top of the branch and may have to give it back: the places are provisional
 * until somebody else, a remote, has taken the commits that hold them. Readers see none of it.
 *
 * placed (in the index) → proposed (commits written) → confirmed (on the branch, visible)
 * any → withdrawn (out of the index)
 *
 * All but `exclusively` is called from within `exclusively`.
 */
export class Draft {
  private placements: Placement[] = []
  private readonly writer = new JsonWriter(LINES_BYTES)

  constructor(private readonly parts: DraftParts) {}

  /** Runs a task while nobody else moves the branch or changes the index. */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.parts.branchLock.run(task)
  }

  get branch(): BranchState {
    return this.parts.state.branch
  }

  /** The last position that is taken: the branch's, or that of the last append with a place. */
  get end(): number {
    return this.parts.state.index.count
  }

  /** Gives an append its place behind all that have one. @throws ConcurrencyError, TimeBackwardsError, ClockError */
  place(appends: readonly PreparedAppend[], condition: AppendCondition | undefined): Placement {
    const { state, clock } = this.parts
    const result = place(state.index, appends, condition, timeOf(clock), this.writer)
    const lines = this.writer.take()
    const placement = { first: result.firstPosition, count: result.ids.length, lines, result }
    this.placements.push(placement)
    return placement
  }

  /** Takes all places back. */
  withdraw(): void {
    this.parts.state.index.truncate(this.branch.position)
    this.placements = []
  }

  /** What an append became that was made before, by whomever. @throws ConcurrencyError, DuplicateIdError */
  async findRepeated(appends: readonly PreparedAppend[]): Promise<AppendResult | undefined> {
    const { index } = this.parts.state
    if (positionsOfGivenIds(index, appends).length === 0) return undefined
    return findRepeatedAppend(index, appends, (position) => this.load(position))
  }

  /** Writes commits for the appends with a place, as many as one push takes; undefined when there are none. */
  async propose(): Promise<Proposal | undefined> {
    if (this.placements.length === 0) return undefined
    const { state, committer, folding, codec } = this.parts
    const tail = new Tail()
    tail.push(new UnsealedRun(groupEntries(this.placements)))
    const plans = tail.plan(batchBytes(codec), COMMITS_A_ROUND)
    const batches = await Promise.all(plans.map((plan) => batchChange(plan, state.index, codec)))
    const fold = await folding.planIfDue()
    const changes = fold === undefined ? batches : [fold, ...batches]
    const states = await committer.write(this.branch, changes)
    const { position } = states.at(-1)!
    const placements = this.placements.filter(({ first }) => first <= position)
    return { from: this.branch, states, changes, placements }
  }

  /** Moves the branch to commits that were proposed, and shows their events. @throws what `advance` throws */
  async confirm({ from, states, changes, placements }: Proposal): Promise<void> {
    const { state, committer, folding, listener } = this.parts
    const last = states.at(-1)!
    await committer.advance(from, last)
    folding.added(changes)
    state.branch = last
    this.placements.splice(0, placements.length)
    show(listener, new UnsealedRun(groupEntries(placements)), state.index)
    state.visible.moveTo(last.position)
  }

  private async load(position: number): Promise<Run> {
    if (position <= this.branch.position) return this.parts.source.load(this.branch.tree.find(position)!)
    const holder = this.placements.find(({ first, count }) => position < first + count)
    return new UnsealedRun(groupEntries([holder!]))
  }
}
