import { ObjectMissingError } from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { parseCommit } from '../repository/object.ts'
import type { BatchSource } from './batch-source.ts'
import { type BranchState, readTreeState } from './branch.ts'
import { HistoryChangedError, MergeCommitError, OtherLogError } from './errors.ts'
import { checkForeignEvents, checkIds, commonPosition, firstDifference, indexRun } from './history.ts'
import { LogIndex } from './log-index.ts'
import { readManifest } from './log-repository.ts'
import { lastOf, runFrom } from './run.ts'

/** A commit whose events fit, and are indexed. */
export interface Examined {
  readonly after: BranchState
  /** The last position up to which it holds the same events as before. */
  readonly common: number
  readonly index: LogIndex
  /** Whether it only adds to what there was. */
  readonly isContinued: boolean
}

/** What a commit is held against. */
export interface Held {
  /** What there was before; undefined for a log that is not here yet. */
  readonly branch: BranchState | undefined
  /** Of the events before. */
  readonly index: LogIndex
  /** The log's identity, as far as it is known. */
  readonly logId: string | undefined
  readonly reader: GitReader
  readonly source: BatchSource
  readonly signal?: AbortSignal | undefined
  /** Told up to which position of how many was looked at. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * Looks at what a commit brings, as closely as an append does, and indexes it: its events are not visible
 * yet. On a misfit everything is as it was.
 *
 * @throws InvalidBatchError, UnexpectedEntryError, NotALogError, ManifestError, NewerFormatError
 * @throws OtherLogError for a commit of another log
 * @throws MergeCommitError, of this commit alone: who takes in what a stranger sent looks at those before it, too
 * @throws HistoryChangedError for a commit that comes after what there was, and holds other events
 * @throws ObjectTooLargeError, ObjectMissingError, ObjectCorruptError, and the signal's reason
 */
export async function examine(commit: string, held: Held): Promise<Examined> {
  const { branch: before, reader, source, signal } = held
  const { tree, parents } = parseCommit((await reader.read(commit)).content)
  if (parents.length > 1) throw new MergeCommitError(commit)
  const after = await readTreeState(commit, tree, reader, source, before)
  if (after.tree.manifestOid !== before?.tree.manifestOid) {
    const { id } = await readManifest(after, reader)
    if (held.logId !== undefined && id !== held.logId) throw new OtherLogError(commit, held.logId, id)
  }
  const isDescendant = before !== undefined && (await isAncestor(before.commit, commit, reader))
  const common = before === undefined ? 0 : await commonEvents(before, after, source, isDescendant)
  await checkForeignEvents(after, common, source, signal)
  // Another history may hold other events; a later commit of this one may only add some.
  if (isDescendant && common < before.position) throw new HistoryChangedError(commit, common + 1)
  // Where events are replaced, readers go on with the old index until the new one is complete.
  const index = common === before?.position ? held.index : new LogIndex()
  try {
    const from = index.count + 1
    for await (const run of source.replay(after.tree, from, signal)) {
      const part = runFrom(run, from)
      if (part === undefined) continue
      await checkIds(index, part, after.tree, source)
      indexRun(index, part, after.tree)
      held.onProgress?.(lastOf(run), after.position)
    }
  } catch (error) {
    index.truncate(common)
    throw error
  }
  return { after, common, index, isContinued: isDescendant && common === before.position }
}

/** Of history that was replaced git removes in the end what nothing refers to: nothing comes after a commit that is gone. */
async function isAncestor(ancestor: string, commit: string, reader: GitReader): Promise<boolean> {
  try {
    return await reader.isAncestor(ancestor, commit)
  } catch (error) {
    if (error instanceof ObjectMissingError && error.oid === ancestor) return false
    throw error
  }
}

/** Up to where events are the same; where the old ones are gone, those before the first file that is another. */
async function commonEvents(
  before: BranchState,
  after: BranchState,
  source: BatchSource,
  isDescendant: boolean,
): Promise<number> {
  try {
    return await commonPosition(before, after, source)
  } catch (error) {
    const isGone = error instanceof ObjectMissingError && !isDescendant
    if (!isGone) throw error
    return firstDifference(before.tree, after.tree) - 1
  }
}
