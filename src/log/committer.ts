import { timeOf } from '../event/time.ts'
import type { CommitSummary } from '../repository/commit-message.ts'
import { commitMessage } from '../repository/commit-message.ts'
import { RefMovedError } from '../repository/errors.ts'
import type { TreeChange } from '../repository/log-tree.ts'
import { type EncodedObject, encodeCommit, type Person } from '../repository/object.ts'
import type { ObjectStore } from '../repository/object-store.ts'
import { readRef } from '../repository/refs.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { BranchState } from './branch.ts'
import { moveRef } from './ref-move.ts'

/** What one commit changes. */
export interface CommitChange {
  readonly summary: CommitSummary
  readonly blobs: readonly EncodedObject[]
  readonly tree: TreeChange
  /** Position of the log's last event after it. */
  readonly position: number
}

export interface CommitterOptions {
  readonly gitDirectory: string
  readonly ref: string
  readonly store: ObjectStore
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly author: Person
  /** @throws when the repository is not the one any more whose lock was taken */
  readonly checkHeld: () => Promise<void>
}

/** Turns changes into commits on the branch: objects first, durable, then the ref by compare-and-swap. */
export class Committer {
  /** The states of a commit that failed so late that the branch may have moved all the same. */
  private unsure: BranchState[] | undefined

  constructor(private readonly options: CommitterOptions) {}

  /**
   * Commits changes one on top of the other, with one move of the ref at the end.
   *
   * @returns the state after each change, the last of which the branch is at
   * @throws RefMovedError when the branch is not where `from` says: nothing has changed
   * @throws DiskFullError and others of the repository: the ref may have moved, read it again
   */
  async commit(from: BranchState, changes: readonly CommitChange[]): Promise<BranchState[]> {
    const states = await this.write(from, changes)
    this.unsure = states
    await this.moveRef(from.commit, states.at(-1)!.commit)
    return states
  }

  /**
   * Writes commits one on top of the other, durably, and leaves the branch where it is.
   *
   * @returns the state after each change
   * @throws DiskFullError and others of the repository
   */
  async write(from: BranchState, changes: readonly CommitChange[]): Promise<BranchState[]> {
    const { store, author, clock, checkHeld } = this.options
    await checkHeld()
    const states: BranchState[] = []
    const objects: EncodedObject[] = []
    let state = from
    for (const change of changes) {
      const changed = state.tree.change(change.tree)
      const commit = encodeCommit({
        tree: changed.tree.oid,
        parents: [state.commit],
        author,
        timeMs: timeOf(clock),
        message: commitMessage(change.summary),
      })
      objects.push(...change.blobs, ...changed.objects, commit)
      const own = { ...state.own, commits: state.own.commits + 1 }
      state = { commit: commit.oid, tree: changed.tree, position: change.position, own }
      states.push(state)
    }
    await store.write(objects)
    return states
  }

  /** Moves the branch to a commit that was written on top of where it stands. @throws what `commit` throws */
  advance(from: BranchState, to: BranchState): Promise<void> {
    return this.moveRef(from.commit, to.commit)
  }

  /**
   * Settles a commit whose outcome is not known: if the branch did move to it, makes that durable.
   *
   * @returns its states, or undefined when there is nothing to settle or the branch did not move
   */
  async recover(): Promise<BranchState[] | undefined> {
    const states = this.unsure
    if (states === undefined) return undefined
    const { fileSystem, gitDirectory, ref } = this.options
    const { commit } = states.at(-1)!
    if ((await readRef(fileSystem, gitDirectory, ref)) !== commit) {
      this.unsure = undefined
      return undefined
    }
    await this.moveRef(commit, commit)
    return states
  }

  private async moveRef(expected: string, next: string): Promise<void> {
    const { fileSystem, gitDirectory, ref, clock, store } = this.options
    try {
      await moveRef(fileSystem, gitDirectory, ref, { expected, next }, clock)
      this.unsure = undefined
    } catch (error) {
      if (error instanceof RefMovedError) this.unsure = undefined
      throw error
    }
    await store.settle()
  }
}
