import { BatchSource } from '../log/batch-source.ts'
import { type BranchState, readBranchState } from '../log/branch.ts'
import { commonPosition } from '../log/history.ts'
import type { GitReader } from '../repository/git-reader.ts'

/**
 * Tells how far a branch holds, event for event, what another commit holds. That is more than being its
 * descendant: a later commit may have changed the events of an earlier one.
 */
export class CommitCheck {
  private readonly source: BatchSource
  private readonly known = new Map<string, Promise<number>>()

  constructor(
    readonly branch: BranchState,
    private readonly reader: GitReader,
  ) {
    this.source = new BatchSource(reader)
  }

  /**
   * Whether the branch holds the events that a commit holds, up to a position. Costs nothing for the
   * branch's own commit, else a few small objects and the files that differ.
   */
  async holds(commit: string, position: number): Promise<boolean> {
    if (position > this.branch.position) return false
    let common = this.known.get(commit)
    if (common === undefined) {
      common = this.commonWith(commit)
      this.known.set(commit, common)
    }
    return position <= (await common)
  }

  private async commonWith(commit: string): Promise<number> {
    const { branch, reader, source } = this
    if (commit === branch.commit) return branch.position
    try {
      return await commonPosition(await readBranchState(commit, reader, source, branch), branch, source)
    } catch {
      // A commit that is gone, or cannot be read, proves nothing.
      return -1
    }
  }
}
