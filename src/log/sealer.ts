import { asError } from '../event/errors.ts'
import type { Journal } from '../journal/journal.ts'
import { RefMovedError } from '../repository/errors.ts'
import type { BatchesAhead } from './batches-ahead.ts'
import type { BranchState } from './branch.ts'
import type { Committer } from './committer.ts'
import { LogClosedError, LogDivergedError, SealFailedError } from './errors.ts'
import type { Exclusive } from './exclusive.ts'
import type { Folding } from './folding.ts'
import type { LogState, Notice } from './log-state.ts'

export interface SealSettings {
  /** How long an event may wait for its commit, in milliseconds; in a burst of appends up to four times as long. */
  readonly afterMs: number
  /** How many bytes may wait before they are sealed at once. */
  readonly maxBytes: number
}

interface Waiting {
  readonly position: number
  readonly resolve: (commit: string) => void
  readonly reject: (error: unknown) => void
}

/** A burst of appends adds more than so many bytes in the time after which they would be sealed. */
const BURST_BYTES = 1 << 20
/** So many times sealing waits for the end of a burst. */
const MOST_DELAYS = 3
/** Commits that share one move of the ref. */
export const COMMITS_A_ROUND = 8
const RETRY_MS = 1000

/** What sealing works with. */
export interface SealerParts {
  readonly state: LogState
  readonly journal: Journal
  readonly committer: Committer
  readonly folding: Folding
  readonly branchLock: Exclusive
  readonly batches: BatchesAhead
  readonly settings: SealSettings
  readonly notify: (notice: Notice) => void
  /** Told after each round of sealing, and each fold by hand, also one that failed. */
  readonly onSealed: () => void
}

/**
 * Seals: turns what is journaled into commits, in the background.
 *
 * idle → scheduled → sealing → idle
 * (sealing → scheduled: it failed and is tried again; any → diverged; any → stopped)
 */
export class Sealer {
  private timer: NodeJS.Timeout | undefined
  private waiting: Waiting[] = []
  private divergence: LogDivergedError | undefined
  private isSealing = false
  /** Whether the last seal failed, and the next one has not begun. */
  private isResting = false
  private isStopped = false

  constructor(private readonly parts: SealerParts) {}

  /** Set once somebody else moved the branch while events waited: nothing is sealed any more. */
  get diverged(): LogDivergedError | undefined {
    return this.divergence
  }

  /** Says that events wait: they are sealed in a moment, or at once when they are many. */
  schedule(): void {
    const { branch, tail, visible } = this.parts.state
    if (visible.position <= branch.position || this.divergence !== undefined || this.isStopped) return
    const isMuch = tail.bytes >= this.parts.settings.maxBytes
    // Where a seal failed, each append would begin another one: only who waits for its commit does.
    const isUrgent = (isMuch && !this.isResting) || this.waiting.length > 0
    if (isUrgent) this.start()
    else this.timer ??= this.startInTime(MOST_DELAYS)
  }

  /** Resolves with the commit that holds a visible position, sealing it now if need be. */
  whenCommitted(position: number): Promise<string> {
    const committed = new Promise<string>((resolve, reject) =>
      this.waiting.push({ position, resolve, reject }),
    )
    if (position <= this.parts.state.branch.position) this.settle([])
    else if (this.divergence !== undefined) this.refuse(this.divergence)
    else if (this.isStopped) this.refuse(new LogClosedError())
    else this.schedule()
    return committed
  }

  /**
   * Commits everything that is visible now.
   *
   * @throws LogDivergedError, SealFailedError
   */
  async seal(): Promise<void> {
    const { state } = this.parts
    const target = state.visible.position
    // Less may be visible by then: somebody may set the branch back in between.
    while (state.branch.position < Math.min(target, state.visible.position)) {
      if (this.divergence !== undefined) throw this.divergence
      await this.parts.branchLock.run(() => this.sealRound())
    }
  }

  /**
   * Commits until no more than so many bytes wait: whoever waits for room need not wait for the rest.
   *
   * @throws LogDivergedError, SealFailedError
   */
  async makeRoom(bytes: number): Promise<void> {
    const { state } = this.parts
    while (state.tail.bytes > bytes) {
      if (this.divergence !== undefined) throw this.divergence
      await this.parts.branchLock.run(async () => {
        // The seal that was under way may have made it.
        if (state.tail.bytes > bytes) await this.sealRound()
      })
    }
  }

  /** Folds the small batch files of the whole log. @returns how many files stood in it before and after */
  foldAll(signal?: AbortSignal): Promise<{ readonly before: number; readonly after: number }> {
    return this.parts.branchLock.run(async () => {
      try {
        // A seal that failed since may have moved the branch all the same.
        const recovered = await this.parts.committer.recover()
        if (recovered !== undefined) await this.advance(recovered)
        return await this.parts.folding.foldAll(signal)
      } finally {
        // One that failed may have folded a part.
        this.parts.onSealed()
      }
    })
  }

  /** Seals no more: the next writer may hold the lock soon. */
  async stop(): Promise<void> {
    this.isStopped = true
    this.clearTimer()
    this.refuse(new LogClosedError())
    await this.parts.branchLock.run(() => this.parts.batches.abandon())
  }

  private clearTimer(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** Sealing shares the processor and the disk with appends, so it begins when a burst of them is over, within bounds. */
  private startInTime(delays: number): NodeJS.Timeout {
    const { settings, state } = this.parts
    const { bytes } = state.tail
    return setTimeout(() => {
      const isBurst = state.tail.bytes - bytes > BURST_BYTES
      if (isBurst && delays > 0) this.timer = this.startInTime(delays - 1)
      else this.start()
    }, settings.afterMs)
  }

  private start(): void {
    this.clearTimer()
    // The seal that is under way looks again when it ends.
    if (this.isSealing) return
    this.isSealing = true
    this.isResting = false
    this.seal().then(
      () => {
        this.isSealing = false
        this.schedule()
      },
      () => {
        // What failed was told through the notice and to those who wait; it is tried again after a while.
        this.isSealing = false
        if (this.divergence !== undefined || this.isStopped) return
        this.isResting = true
        // Appends that came meanwhile may have asked for it sooner.
        this.clearTimer()
        this.timer = setTimeout(() => this.start(), RETRY_MS)
      },
    )
  }

  private async sealRound(): Promise<void> {
    if (this.isStopped) throw new LogClosedError()
    try {
      const states = (await this.parts.committer.recover()) ?? (await this.commit())
      if (states === undefined) return
      await this.advance(states)
    } catch (error) {
      await this.parts.batches.abandon()
      throw this.fail(error)
    }
    await this.fold()
    this.parts.onSealed()
  }

  /** Takes note of commits that the branch leads to. */
  private async advance(states: readonly BranchState[]): Promise<void> {
    const { state, journal } = this.parts
    state.branch = states.at(-1)!
    state.tail.dropUpTo(state.branch.position)
    this.settle(states)
    await journal.release(state.branch.position)
  }

  /** Commits a round of what waits; undefined when nothing does. */
  private async commit(): Promise<BranchState[] | undefined> {
    const { batches, committer, folding, state } = this.parts
    const changes = await batches.take(COMMITS_A_ROUND)
    const last = changes.at(-1)
    if (last === undefined) return undefined
    batches.prepareAfter(last.position)
    const states = await committer.commit(state.branch, changes)
    folding.added(changes)
    return states
  }

  /** The events are committed already; a fold that fails is told, and tried again with a later seal. */
  private async fold(): Promise<void> {
    try {
      await this.parts.folding.foldIfDue()
    } catch (error) {
      this.parts.notify({
        kind: 'fold-failed',
        error: asError(error),
      })
    }
  }

  /** Tells those who wait for a position that is committed now which commit holds it. */
  private settle(states: readonly { readonly commit: string; readonly position: number }[]): void {
    const { branch } = this.parts.state
    const settled = this.waiting.filter(({ position }) => position <= branch.position)
    this.waiting = this.waiting.filter(({ position }) => position > branch.position)
    for (const { position, resolve } of settled) {
      resolve((states.find((state) => state.position >= position) ?? branch).commit)
    }
  }

  private fail(error: unknown): Error {
    const failure =
      error instanceof RefMovedError
        ? new LogDivergedError(error.expected, error.actual, this.parts.state.tail.count, { cause: error })
        : new SealFailedError(this.parts.state.visible.position, error)
    if (failure instanceof LogDivergedError) this.divergence = failure
    this.refuse(failure)
    this.parts.notify({
      kind: failure instanceof LogDivergedError ? 'diverged' : 'seal-failed',
      error: failure,
    })
    return failure
  }

  private refuse(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
