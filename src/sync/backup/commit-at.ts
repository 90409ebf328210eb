import { BatchSource } from '../../log/batch-source.ts'
import { readBranchState } from '../../log/branch.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import type { GitRunner } from '../../repository/runner.ts'

/**
 * The last commit of a line that holds nothing after a position. A commit is whole or not there, so with a
 * position in its midst it is the one before it.
 *
 * @param after the commit before the line, which holds nothing after the position; undefined for the first
 */
export async function findCommitAt(
  position: number,
  { head, after }: { readonly head: string; readonly after: string | undefined },
  { runner, reader }: { readonly runner: GitRunner; readonly reader: GitReader },
): Promise<string> {
  const range = after === undefined ? [head] : [head, `^${after}`]
  const { stdout } = await runner.run(['rev-list', '--first-parent', '--reverse', ...range])
  const commits = stdout.toString('latin1').trimEnd().split('\n')
  const source = new BatchSource(reader)
  let [low, high] = [0, commits.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const state = await readBranchState(commits[middle]!, reader, source)
    if (state.position <= position) low = middle + 1
    else high = middle
  }
  return commits[low - 1] ?? after ?? commits[0]!
}
