import { ObjectMissingError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'

/** Whether a history, given by its last commit, holds a commit. What is no commit, or not there, it does not. */
export async function holdsCommit(head: string, commit: string, reader: GitReader): Promise<boolean> {
  try {
    return (await reader.read(commit)).type === 'commit' && (await reader.isAncestor(commit, head))
  } catch (error) {
    if (error instanceof ObjectMissingError) return false
    throw error
  }
}
