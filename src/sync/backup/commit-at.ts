import { BatchSource } from '../../log/batch-source.ts'
import { readBranchState } from '../../log/branch.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import type { GitRunner } from '../../repository/runner.ts'

/**
 * The last commit of a line that holds nothing after a position. A commit is whole or not there, so with a
 * position in its midst it is the one before it.
 */
export async function findCommitAt(
  position: number,
  head: string,
  { runner, reader }: { readonly runner: GitRunner; readonly reader: GitReader },
): Promise<string> {
  const { stdout } = await runner.run(['rev-list', '--first-parent', '--reverse', head])
  const commits = stdout.toString('latin1').trimEnd().split('\n')
  const source = new BatchSource(reader)
  let [low, high] = [0, commits.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const state = await readBranchState(commits[middle]!, reader, source)
    if (state.position <= position) low = middle + 1
    else high = middle
  }
  return commits[low - 1] ?? commits[0]!
}
