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
  readonly commit: string
  readonly error: Error
}

/** Codes of what is wrong with a commit itself. Anything else may pass: an object can be restored, or come late. */
const OF_THE_COMMIT: ReadonlySet<unknown> = new Set([
  'invalid-batch',
  'unexpected-entry',
  'not-a-log',
  'newer-format',
  'manifest-invalid',
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
 */
export class Follower {
  private looking: Promise<void> | undefined
  private unreadable: UnreadableCommit | undefined
  /** When the commit that could not be read is looked at again. */
  private retryAt = 0
  private adopting = false
  private unfinished: (() => Promise<void>) | undefined
  private isClosed = false

  constructor(private readonly parts: FollowerParts) {}

  /** While it takes in foreign events, no append may be given a place. */
  get isAdopting(): boolean {
    return this.adopting
  }

  /** The commit the branch stands at, if it could not be read. */
  get problem(): UnreadableCommit | undefined {
    return this.unreadable
  }

  /** Compares the branch with what is held, and follows. Calls that come while it looks share the next look. */
  look(): Promise<void> {
    this.looking ??= this.parts.branchLock.run(() => {
      this.looking = undefined
      return this.follow()
    })
    return this.looking
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
      if (this.isClosed) throw new LogClosedError()
      const before = this.parts.state.branch
      const { gitDirectory, branch } = this.parts.repository
      // A seal that came in between is nothing that anybody decided to give up.
      if (before.commit !== from) throw new RefMovedError(branch, from, before.commit)
      withdraw?.()
      if (this.parts.state.index.count > before.position)
        throw new RefMovedError(branch, before.commit, commit)
      this.adopting = true
      try {
        await this.finish()
        const examined = await this.examine(commit, signal)
        try {
          // Where a disk failed after it had moved the branch, that is made sure.
          const isThere = (await readRef(this.parts.fileSystem, gitDirectory, branch)) === commit
          const change = { expected: isThere ? commit : before.commit, next: commit }
          await moveRef(this.parts.fileSystem, gitDirectory, branch, change, this.parts.clock)
        } catch (error) {
          this.parts.state.index.truncate(before.position)
          throw error
        }
        await this.adopt(examined, 'pull')
        this.unreadable = undefined
      } finally {
        this.adopting = false
      }
    })
  }

  /** Shows what the branch holds and could not be shown when it came, if anything: for whoever moves it without `look`. */
  catchUp(): Promise<void> {
    return this.parts.branchLock.run(async () => {
      if (this.unfinished === undefined || this.isClosed) return
      await this.finish()
      this.unreadable = undefined
    })
  }

  /** Leaves the branch alone from now on: the journal is about to be closed. Called within the lock of the branch. */
  close(): void {
    this.isClosed = true
  }

  private async follow(): Promise<void> {
    if (this.isClosed) return
    const { gitDirectory, branch } = this.parts.repository
    const commit = await readRef(this.parts.fileSystem, gitDirectory, branch)
    const isOurs = commit === this.parts.state.branch.commit && this.unfinished === undefined
    if (isOurs) this.unreadable = undefined
    // Events that wait to be sealed rest on the commit we know: the seal finds out and says so.
    const isWaiting = this.parts.state.index.count > this.parts.state.branch.position
    // Not by the clock: one that is set on during a look would put off the next for years.
    const started = performance.now()
    const isKnown = this.unreadable?.commit === (commit ?? '') && this.unfinished === undefined
    if (isOurs || isWaiting || (isKnown && started < this.retryAt)) return
    this.adopting = true
    try {
      await this.finish()
      if (commit === undefined) throw new NotALogError(`a commit on ${branch}`)
      if (commit !== this.parts.state.branch.commit) await this.adopt(await this.examine(commit), 'others')
      this.unreadable = undefined
    } catch (cause) {
      const error = asError(cause)
      this.refuse({ commit: commit ?? '', error }, started)
    } finally {
      this.adopting = false
    }
  }

  /** Keeps what is wrong with a commit, and tells it, but not twice in a row. */
  private refuse(unreadable: UnreadableCommit, started: number): void {
    const { commit, error } = unreadable
    const isTold = this.unreadable?.commit === commit && this.unreadable.error.message === error.message
    this.unreadable = unreadable
    const now = performance.now()
    const isForGood = error instanceof MemoirError && OF_THE_COMMIT.has(error.code)
    this.retryAt = isForGood ? Number.POSITIVE_INFINITY : now + REST * (now - started)
    if (!isTold) this.parts.notify({ kind: 'unreadable-commit', commit, error })
  }

  private examine(commit: string, signal?: AbortSignal): Promise<Examined> {
    const { state, logId, reader, source } = this.parts
    return examine(commit, { branch: state.branch, index: state.index, logId, reader, source, signal })
  }

  private async adopt({ after, common, index, isContinued }: Examined, by: 'pull' | 'others'): Promise<void> {
    const before = this.parts.state.branch
    try {
      if (by === 'others') await this.parts.makeDurable?.(before.commit, after.commit)
      await this.parts.release?.(after.position, common)
    } catch (error) {
      if (index === this.parts.state.index) index.truncate(before.position)
      throw error
    }
    // In one turn, so that nobody sees a part of it.
    this.parts.state.index = index
    this.parts.state.branch = after
    if (!isContinued) {
      this.parts.state.rewrites++
      this.parts.state.visible.setBackTo(common)
    }
    this.unfinished = isContinued
      ? () => this.takeIn(after, common, by)
      : () => this.rebuild(before, after, common, by)
    await this.finish()
  }

  /** Shows the listener what the branch holds already. What fails here is tried again before anything else is shown. */
  private async finish(): Promise<void> {
    await this.unfinished?.()
    this.unfinished = undefined
  }

  private async takeIn(after: BranchState, common: number, by: 'pull' | 'others'): Promise<void> {
    const { state } = this.parts
    for await (const run of this.replay(after, state.visible.position + 1)) {
      show(this.parts.listener, run, state.index)
      state.visible.moveTo(lastOf(run))
    }
    const { commit, position } = after
    if (position > common) {
      this.parts.notify({ kind: 'adopted', by, commit, first: common + 1, count: position - common })
    }
  }

  private async rebuild(
    before: BranchState,
    after: BranchState,
    commonPosition: number,
    by: 'pull' | 'others',
  ): Promise<void> {
    await this.parts.listener.onRewritten(
      commonPosition,
      (from) => this.replay(after, from),
      this.parts.state.index,
    )
    this.parts.state.visible.moveTo(after.position)
    this.parts.notify({
      kind: 'rewritten',
      by,
      from: before.commit,
      to: after.commit,
      commonPosition,
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
