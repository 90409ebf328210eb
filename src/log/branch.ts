import type { BatchFile } from '../repository/batch-file.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { LogTree } from '../repository/log-tree.ts'
import { parseCommit } from '../repository/object.ts'
import type { BatchSource } from './batch-source.ts'

/** A commit of the log, and what it holds. Immutable: a seal or a foreign commit makes another. */
export interface BranchState {
  readonly commit: string
  readonly tree: LogTree
  /** Position of the last event, 0 in an empty log. */
  readonly position: number
  /** How many commits this process made, up to this one, since it found the branch at a commit. */
  readonly own: { readonly since: string; readonly commits: number }
}

/**
 * Reads what a commit holds. Costs as many reads as directories differ from the state before.
 *
 * @throws UnexpectedEntryError, NotALogError, InvalidBatchError, ObjectMissingError, ObjectCorruptError
 */
export async function readBranchState(
  commit: string,
  reader: GitReader,
  source: BatchSource,
  before?: BranchState,
): Promise<BranchState> {
  const { tree } = parseCommit((await reader.read(commit)).content)
  return readTreeState(commit, tree, reader, source, before)
}

/** The same for a commit whose tree is known. */
export async function readTreeState(
  commit: string,
  treeOid: string,
  reader: GitReader,
  source: BatchSource,
  before?: BranchState,
): Promise<BranchState> {
  const tree = await LogTree.read(reader, treeOid, before?.tree)
  const own = { since: commit, commits: 0 }
  return { commit, tree, position: await lastPosition(tree.last, source), own }
}

async function lastPosition(file: BatchFile | undefined, source: BatchSource): Promise<number> {
  return file === undefined ? 0 : file.first + (await source.load(file)).count - 1
}
