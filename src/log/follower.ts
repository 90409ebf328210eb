import { asError, MemoirError } from '../event/errors.ts'
import { NotALogError, RefMovedError } from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { readRef } from '../repository/refs.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { BatchSource } from './batch-source.ts'
import type { BranchState } from './branch.ts'
import { LogClosedError } from './errors.ts'
import { type Examined, examine } from './examination.ts'
import type { Exclusive } from './exclusive.ts'
import type { LogListener, LogState, Notice } from './log-state.ts'
import { moveRef } from './ref-move.ts'
import { lastOf, runFrom } from './run.ts'
import { show } from './showing.ts'

/** A commit on the branch that this log could not take in. */
export interface UnreadableCommit {
  /** Empty when the branch is gone. */
  readonly commit: string
  readonly error: Error
  /** Until then, as `performance.now()` counts, it is not looked at again. */
  readonly retryAt: number
}

/** Who moved the branch. */
type Mover = 'pull' | 'others'

/** Codes of what is wrong with a commit itself. Anything else may pass: an object can be restored, or come late. */
const OF_THE_COMMIT: ReadonlySet<unknown> = new Set([
  'invalid-batch',
  'unexpected-entry',
  'not-a-log',
  'newer-format',
  'manifest-invalid',
  'merge-commit',
  'history-changed',
  'other-log',
  'object-too-large',
])
/** After a look that failed, as many times as long as it took goes by before the next at the same commit. */
const REST = 10

/** What following works with. */
export interface FollowerParts {
  readonly state: LogState
  readonly repository: { readonly gitDirectory: string; readonly branch: string }
  readonly logId: string
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly reader: GitReader
  readonly source: BatchSource
  readonly branchLock: Exclusive
  readonly listener: LogListener
  readonly notify: (notice: Notice) => void
  /**
   * The journal's leave to go on at a position that it did not see, and to forget what was committed after the
   * last position that is as it was: set for a writer.
   */
  readonly release: ((position: number, common: number) => Promise<void>) | undefined
  /** Makes durable what others have committed since a commit: set for a writer, whose events will rest on it. */
  readonly makeDurable: ((since: string, commit: string) => Promise<void>) | undefined
}

/**
 * Takes in what others committed to the branch. Level-triggered: asked to look, it compares the ref with
 * what it holds, so it does not matter how often or why it is asked.
 *
 * same commit → nothing · more events → applied · other history → rebuilt from the last common event
 *
 * following → adopting → following      (any → closed)
 */
export class Follower {
  private phase: 'following' | 'adopting' | 'closed' = 'following'
  private unreadable: UnreadableCommit | undefined
  /** Set while the listener has not been shown all that was taken in: shows it. */
  private unshown: (() => Promise<void>) | undefined
  private nextLook: Promise<void> | undefined

  constructor(private readonly parts: FollowerParts) {}

  /** While it takes in foreign events, no append may be given a place. */
  get isAdopting(): boolean {
    return this.phase === 'adopting'
  }

  /** The full name of the branch. */
  get branch(): string {
    return this.parts.repository.branch
  }

  /** What the branch stands at, if that could not be taken in. */
  get problem(): UnreadableCommit | undefined {
    return this.unreadable
  }

  /** Compares the branch with what is held, and follows. Calls that come before it begins to share one look. */
  look(): Promise<void> {
    this.nextLook ??= this.parts.branchLock.run(() => {
      this.nextLook = undefined
      return this.follow()
    })
    return this.nextLook
  }

  /**
   * Moves the branch to a commit, after a look at what it brings. Whether the commit continues the branch or
   * replaces its history, the caller has decided.
   *
   * @param from where the branch was when the caller decided
   * @param options `withdraw` takes events out of the index that are placed on top of the branch, and can be placed again
   * @throws what `examine` throws: the branch stays as it was
   * @throws RefMovedError when the branch was moved meanwhile, or events wait that do not rest on the commit
   * @throws LogClosedError
   */
  fastForward(
    commit: string,
    from: string,
    { withdraw, signal }: { readonly withdraw?: () => void; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return this.parts.branchLock.run(async () => {
      if (this.phase === 'closed') throw new LogClosedError()
      const { state, repository } = this.parts
      const before = state.branch
      // A seal that came in between is nothing that anybody decided to give up.
      if (before.commit !== from) throw new RefMovedError(repository.branch, from, before.commit)
      withdraw?.()
      if (state.index.count > before.position)
        throw new RefMovedError(repository.branch, before.commit, commit)
      this.phase = 'adopting'
      try {
        await this.finish()
        await this.adopt(commit, 'pull', signal)
      } finally {
        this.phase = 'following'
      }
    })
  }

  /** Shows what the branch holds and could not be shown when it came, if anything: for whoever moves it without `look`. */
  catchUp(): Promise<void> {
    return this.parts.branchLock.run(async () => {
      if (this.phase !== 'closed') await this.finish()
    })
  }

  /** Leaves the branch alone from now on: the journal is about to be closed. Called within the lock of the branch. */
  close(): void {
    this.phase = 'closed'
  }

  private async follow(): Promise<void> {
    if (this.phase === 'closed') return
    const { state, fileSystem, repository } = this.parts
    const commit = (await readRef(fileSystem, repository.gitDirectory, repository.branch)) ?? ''
    // Not by the clock: one that is set on during a look would put off the next for years.
    const started = performance.now()
    const decision = this.decide(commit, started)
    if (decision === 'nothing-new') this.unreadable = undefined
    if (decision !== 'adopt') return
    this.phase = 'adopting'
    try {
      await this.finish()
      if (commit === '') throw new NotALogError(`a commit on ${repository.branch}`)
      if (commit !== state.branch.commit) await this.adopt(commit, 'others')
    } catch (cause) {
      this.refuse(commit, asError(cause), started)
    } finally {
      this.phase = 'following'
    }
  }

  /** What a look that finds the branch at a commit comes to. */
  private decide(commit: string, now: number): 'nothing-new' | 'not-now' | 'adopt' {
    const { branch, index } = this.parts.state
    if (this.unshown === undefined) {
      if (commit === branch.commit) return 'nothing-new'
      if (commit === this.unreadable?.commit && now < this.unreadable.retryAt) return 'not-now'
    }
    // Events that wait to be sealed rest on the commit we know: the seal finds out and says so.
    return index.count > branch.position ? 'not-now' : 'adopt'
  }

  /** Keeps what is wrong with a commit, and tells it, but not twice in a row. */
  private refuse(commit: string, error: Error, started: number): void {
    const isTold = this.unreadable?.commit === commit && this.unreadable.error.message === error.message
    const isForGood = error instanceof MemoirError && OF_THE_COMMIT.has(error.code)
    const now = performance.now()
    const retryAt = isForGood ? Number.POSITIVE_INFINITY : now + REST * (now - started)
    this.unreadable = { commit, error, retryAt }
    if (!isTold) this.parts.notify({ kind: 'unreadable-commit', commit, error })
  }

  /** Takes in a commit, after a look at it. Until it is durable, and the journal may go on from it, nothing changes. */
  private async adopt(commit: string, by: Mover, signal?: AbortSignal): Promise<void> {
    const { state, logId, reader, source, makeDurable, release } = this.parts
    const { branch: before, index } = state
    const examined = await examine(commit, { branch: before, index, logId, reader, source, signal })
    const { after, common, isContinued } = examined
    try {
      if (by === 'pull') await this.moveBranch(before.commit, commit)
      else await makeDurable?.(before.commit, commit)
      await release?.(after.position, common)
    } catch (error) {
      index.truncate(before.position)
      throw error
    }
    // In one turn, so that nobody sees a part of it.
    state.index = examined.index
    state.branch = after
    if (!isContinued) {
      state.rewrites++
      state.visible.setBackTo(common)
    }
    this.unshown = () =>
      isContinued ? this.showAdded(examined, by) : this.showRewritten(before, examined, by)
    await this.finish()
  }

  private async moveBranch(from: string, to: string): Promise<void> {
    const { fileSystem, clock, repository } = this.parts
    const { gitDirectory, branch } = repository
    // Where a disk failed after it had moved the branch, that is made sure.
    const isThere = (await readRef(fileSystem, gitDirectory, branch)) === to
    await moveRef(fileSystem, gitDirectory, branch, { expected: isThere ? to : from, next: to }, clock)
  }

  /**
   * Shows the listener what was taken in, if that is not done. What fails here is tried again before anything else is
   * shown; once it is done, nothing is wrong any more.
   */
  private async finish(): Promise<void> {
    if (this.unshown === undefined) return
    await this.unshown()
    this.unshown = undefined
    this.unreadable = undefined
  }

  private async showAdded({ after, common }: Examined, by: Mover): Promise<void> {
    const { state, listener, notify } = this.parts
    for await (const run of this.replay(after, state.visible.position + 1)) {
      show(listener, run, state.index)
      state.visible.moveTo(lastOf(run))
    }
    const { commit, position } = after
    if (position > common) {
      notify({ kind: 'adopted', by, commit, first: common + 1, count: position - common })
    }
  }

  private async showRewritten(before: BranchState, { after, common }: Examined, by: Mover): Promise<void> {
    const { state, listener, notify } = this.parts
    await listener.onRewritten(common, (from) => this.replay(after, from), state.index)
    state.visible.moveTo(after.position)
    notify({
      kind: 'rewritten',
      by,
      from: before.commit,
      to: after.commit,
      commonPosition: common,
      positionBefore: before.position,
      positionAfter: after.position,
    })
  }

  private async *replay({ tree }: BranchState, from: number) {
    for await (const run of this.parts.source.replay(tree, from)) {
      const part = runFrom(run, from)
      if (part !== undefined) yield part
    }
  }
}
