import type { BatchSource } from '../log/batch-source.ts'
import { type BranchState, readBranchState } from '../log/branch.ts'
import { HistoryChangedError, MergeCommitError, OtherLogError } from '../log/errors.ts'
import { commonPosition } from '../log/history.ts'
import { readManifestFile } from '../log/log-repository.ts'
import { CommitList, treeWarmer } from '../log/verification/commits.ts'
import { Findings } from '../log/verification/findings.ts'
import { ahead, ObjectCache, Turns, type VerificationContext } from '../log/verification/reading.ts'
import { diffTrees, type HistoricTree, readHistoricTree } from '../log/verification/tree.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { EVENTS_PATH } from '../repository/layout.ts'
import { parseCommit } from '../repository/object.ts'
import type { TransferOptions } from '../repository/remote-transfer.ts'
import { reportPhase } from '../repository/transfer-progress.ts'

/** What a line of commits is held against. */
export interface LineCheck extends Pick<TransferOptions, 'signal' | 'onProgress'> {
  /** Where it begins, and was checked before; undefined for a whole history. */
  readonly before: BranchState | undefined
  /** The log's identity, as far as it is known. */
  readonly logId: string | undefined
  readonly reader: GitReader
  readonly source: BatchSource
}

const COMMITS_AHEAD = 64

/**
 * Looks at each of the commits that lead to one, not at the last alone: a line without merges, only what a log has
 * a place for in each tree, and in each all events that stood there before. So every commit holds the first of the
 * last one's events, whose content `examine` looks at.
 *
 * @throws MergeCommitError, HistoryChangedError, OtherLogError
 * @throws UnexpectedEntryError, NotALogError, ManifestError, NewerFormatError, InvalidBatchError
 * @throws ObjectTooLargeError, ObjectMissingError, ObjectCorruptError, and the signal's reason
 */
export async function checkLine(head: string, { before, ...held }: LineCheck): Promise<void> {
  const { reader, source, signal, onProgress } = held
  const context = { objects: new ObjectCache(reader), findings: new Findings(), turns: new Turns(signal) }
  const { objects, findings, turns } = context
  const commits = await commitsAfter(before?.commit, head, context)
  const report = reportPhase('Checking commits', onProgress)
  let checked = 0
  let { logId } = held
  let commitBefore = before?.commit
  let last = before && (await readHistoricTree(context, before.tree.oid, before.commit, undefined))
  for await (const commit of ahead(commits.reversed(), treeWarmer(objects, EVENTS_PATH), COMMITS_AHEAD)) {
    await turns.take()
    const { tree: oid } = parseCommit(await objects.read(commit, 'commit'))
    const tree = await readHistoricTree(context, oid, commit, last)
    const isOdd = tree?.manifestOid === undefined || findings.all().length > 0
    if (isOdd) await readBranchState(commit, reader, source, before)
    if (tree?.manifestOid !== undefined && tree.manifestOid !== last?.manifestOid) {
      const { id } = await readManifestFile(tree.manifestOid, reader)
      if (logId !== undefined && id !== logId) throw new OtherLogError(commit, logId, id)
      logId = id
    }
    if (commitBefore !== undefined && (isOdd || !isAppend(last, tree))) {
      const old = await readBranchState(commitBefore, reader, source, before)
      const common = await commonPosition(old, await readBranchState(commit, reader, source, old), source)
      if (common < old.position) throw new HistoryChangedError(commit, common + 1)
    }
    commitBefore = commit
    last = tree
    report(++checked, commits.length)
  }
}

/** Whether all files are there that were there, and others after them alone. */
function isAppend(before: HistoricTree | undefined, after: HistoricTree | undefined): boolean {
  if (before === undefined || after === undefined) return false
  const { removed, added } = diffTrees(before, after)
  const end = before.directories.at(-1)?.files.at(-1)?.first ?? 0
  return removed.length === 0 && added.every(({ first }) => first > end)
}

/** From the last one back. @throws MergeCommitError */
async function commitsAfter(
  first: string | undefined,
  head: string,
  { objects, turns }: Pick<VerificationContext, 'objects' | 'turns'>,
): Promise<CommitList> {
  const commits = new CommitList()
  for (let commit: string | undefined = head; commit !== undefined && commit !== first; ) {
    await turns.take()
    const { parents } = parseCommit(await objects.read(commit, 'commit'))
    if (parents.length > 1) throw new MergeCommitError(commit)
    commits.push(commit)
    commit = parents[0]
  }
  return commits
}
