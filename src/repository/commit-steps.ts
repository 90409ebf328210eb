import { ObjectCorruptError } from './errors.ts'
import type { GitReader } from './git-reader.ts'
import { parseCommit } from './object.ts'

/**
 * How many steps lead from a commit back to another along a line; undefined if more than so many do, or if it
 * is no line. A step costs a read, 0.1 ms: less than a git process for up to some dozens.
 *
 * @throws ObjectMissingError, ObjectCorruptError
 */
export async function countSteps(
  reader: Pick<GitReader, 'read'>,
  to: string,
  from: string,
  most: number,
): Promise<number | undefined> {
  let commit = from
  for (let steps = 0; steps <= most; steps++) {
    if (commit === to) return steps
    const { type, content } = await reader.read(commit)
    // A remote may have put anything on its branch.
    if (type !== 'commit') throw new ObjectCorruptError(commit, `it is a ${type}, not a commit`)
    const [parent, ...others] = parseCommit(content).parents
    if (parent === undefined || others.length > 0) return undefined
    commit = parent
  }
  return undefined
}
