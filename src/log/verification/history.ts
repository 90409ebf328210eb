import type { BatchFile } from '../../repository/batch-file.ts'
import { parseTrailers } from '../../repository/commit-message.ts'
import { EVENTS_PATH, MANIFEST_PATH } from '../../repository/layout.ts'
import { parseManifest } from '../../repository/manifest.ts'
import { type Commit, parseCommit } from '../../repository/object.ts'
import { checkBatch } from './batch.ts'
import { treeWarmer, walkToFirst } from './commits.ts'
import { countEvents, findChangedPosition } from './fold.ts'
import { ForeignObjects } from './foreign.ts'
import { type AddedFile, Gaps } from './gaps.ts'
import { ahead, type VerificationContext } from './reading.ts'
import { findTrailersProblem } from './trailers.ts'
import {
  diffTrees,
  type FileChange,
  filesOf,
  type HistoricTree,
  pathOfFile,
  readHistoricTree,
} from './tree.ts'

/** A commit, with what it changed. */
interface Step {
  readonly oid: string
  readonly commit: Commit
  /** The tree of its parent; where that cannot be read, of the last commit before it that can. */
  readonly before: HistoricTree | undefined
  readonly tree: HistoricTree
  readonly change: FileChange
  /** Of the commit itself. */
  readonly bytes: number
  /** Whether `before` is the tree of its parent, or it has none: only then can its trailers be checked. */
  readonly isAdjacent: boolean
}

/** What a walk through history found at its end. */
export interface History {
  readonly commits: number
  /** The last tree that can be read. */
  readonly tree: HistoricTree | undefined
}

const COMMITS_AHEAD = 64
const STEPS_AHEAD = 16
/** So many bytes of what differs from commit to commit; parsed, trees take four times as much. */
const STEPS_AHEAD_BYTES = 4 << 20
const BLOBS_AHEAD = 16

const LINE_FEED = 0x0a

/** A batch file that cannot be read, which was reported. */
class UnreadableBatch extends Error {}

/**
 * Follows the branch from its first commit to its head, and compares each commit with the one before it:
 * whether it only adds events or folds them, and whether its trailers say so. Every object is read, and
 * so re-hashed, on the way.
 */
export class HistoryCheck {
  private readonly foreign: ForeignObjects
  private readonly gaps = new Gaps()
  private logId: string | undefined
  private last: HistoricTree | undefined

  constructor(private readonly context: VerificationContext) {
    this.foreign = new ForeignObjects(context)
  }

  /**
   * @param shallow the commits at which a shallow clone ends
   * @param onProgress is told after each commit how many there are
   */
  async run(
    head: string,
    shallow: ReadonlySet<string>,
    onProgress: (commits: number) => void,
  ): Promise<History> {
    const list = await walkToFirst(head, this.context, shallow)
    const warmed = ahead(list.reversed(), treeWarmer(this.context.objects, EVENTS_PATH), COMMITS_AHEAD)
    const bound = { most: STEPS_AHEAD_BYTES, weigh: bytesOf }
    const steps = ahead(this.steps(warmed), (step) => this.warmFiles(step), STEPS_AHEAD, bound)
    for await (const step of steps) {
      if (step !== undefined) await this.check(step)
      onProgress(list.length)
    }
    return { commits: list.length, tree: this.last }
  }

  /** One for each commit; undefined where its tree cannot be read. */
  private async *steps(commits: AsyncIterable<string>): AsyncGenerator<Step | undefined> {
    const { objects, turns } = this.context
    let wasRead = false
    for await (const oid of commits) {
      await turns.take()
      const content = await objects.read(oid, 'commit')
      const commit = parseCommit(content)
      const before = this.last
      const tree = await readHistoricTree(this.context, commit.tree, oid, before)
      const isAdjacent = wasRead || commit.parents.length === 0
      wasRead = tree !== undefined
      this.last = tree ?? before
      const bytes = content.length
      yield tree && { oid, commit, bytes, before, tree, change: diffTrees(before, tree), isAdjacent }
    }
  }

  private warmFiles(step: Step | undefined): void {
    for (const { oid } of step?.change.added.slice(0, BLOBS_AHEAD) ?? []) this.context.objects.warm(oid)
  }

  private async check(step: Step): Promise<void> {
    const { oid, commit, before, tree, change, isAdjacent } = step
    await this.foreign.check(tree.others, oid)
    if (tree.manifestOid !== before?.manifestOid) await this.checkManifest(step)
    const added = await this.countAdded(step)
    const appended = this.checkGaps(step, added)
    if (change.removed.length > 0 && (await this.isChanged(step))) return

    const trailers = parseTrailers(commit.message)
    if (trailers === undefined || !isAdjacent) return
    const isFold = change.removed.length > 0
    const problem = findTrailersProblem(trailers, {
      isFirst: commit.parents.length === 0,
      removed: change.removed.length,
      added: change.added.length,
      first: (isFold ? change.removed : change.added)[0]?.first,
      count: isFold ? await this.countRemoved(step) : sumOf(added),
      appended,
    })
    if (problem !== undefined) {
      this.context.findings.add({ code: 'trailers-mismatch', message: problem, commit: oid })
    }
  }

  private async checkManifest({ oid, tree }: Step): Promise<void> {
    if (tree.manifestOid === undefined) return
    const { objects, findings } = this.context
    try {
      const { id } = await parseManifest((await objects.read(tree.manifestOid, 'blob')).toString('utf8'))
      if (this.logId !== undefined && this.logId !== id) {
        const message = `the id of the log changes from ${this.logId} to ${id}`
        findings.add({ code: 'log-id-changed', message, file: MANIFEST_PATH, commit: oid })
      }
      this.logId = id
    } catch (error) {
      findings.addProblem(error, { file: MANIFEST_PATH, commit: oid })
    }
  }

  /** Reads all files that a commit added. */
  private async countAdded({ oid, change }: Step): Promise<AddedFile[]> {
    const added: AddedFile[] = []
    const files = ahead(change.added, (file) => this.context.objects.warm(file.oid), BLOBS_AHEAD)
    for await (const file of files) {
      added.push({ file, count: await this.count(file, oid) })
      await this.context.turns.take()
    }
    return added
  }

  /** Tells of gaps that a commit filled. Returns by how many events it made the log longer, if that is known. */
  private checkGaps({ oid, tree, isAdjacent }: Step, added: readonly AddedFile[]): number | undefined {
    const { gaps } = this
    if (!isAdjacent) gaps.lose()
    const { next } = gaps
    for (const { file, expected, commit } of gaps.pass(oid, added, lastOf(tree))) {
      const message = `the file begins at position ${file.first}; expected ${expected}`
      const place = { file: pathOfFile(file), position: file.first, commit }
      this.context.findings.add({ code: 'position-gap', message, ...place })
    }
    return next === undefined || gaps.next === undefined ? undefined : gaps.next - next
  }

  /** How many events the files that a fold replaced hold, and those between them. */
  private async countRemoved({ oid, before, change }: Step): Promise<number | undefined> {
    const last = change.removed.at(-1)!
    let end: number | undefined
    if (before !== undefined) {
      for (const file of filesOf(before))
        if (file.first > last.first) end = Math.min(end ?? file.first, file.first)
    }
    const count = end === undefined ? await this.count(last, oid) : end - last.first
    return count === undefined ? undefined : last.first + count - change.removed[0]!.first
  }

  private async count(file: BatchFile, commit: string): Promise<number | undefined> {
    try {
      return await countEvents(await this.read(file, commit), file)
    } catch (error) {
      if (error instanceof UnreadableBatch) return undefined
      throw error
    }
  }

  /** Whether events that stood in the log before are not there, or not the same, after a commit. */
  private async isChanged({ oid, commit, change }: Step): Promise<boolean> {
    const { findings, turns } = this.context
    try {
      const read = (file: BatchFile) => this.read(file, oid)
      const position = await findChangedPosition(change.removed, change.added, read, turns)
      if (position === undefined) {
        for (const file of change.removed) await this.checkMended(file, oid)
        return false
      }
      const isFold = parseTrailers(commit.message)?.kind === 'fold'
      const message = `${listFiles(change.removed)} held other events before, from position ${position} on`
      const file = pathOfFile(change.removed.findLast(({ first }) => first <= position) ?? change.removed[0]!)
      findings.add({
        code: isFold ? 'fold-mismatch' : 'history-changed',
        message,
        file,
        position,
        commit: oid,
      })
    } catch (error) {
      if (!(error instanceof UnreadableBatch)) throw error
    }
    return true
  }

  /**
   * Looks at the end of a file that a commit put another in the place of, with the same events: where it was none that can be
   * read, the log as it stands does not show that any more.
   */
  private async checkMended(file: BatchFile, commit: string): Promise<void> {
    const content = await this.read(file, commit)
    if (endsWell(content)) return
    const path = pathOfFile(file)
    for (const part of await checkBatch(content, path, file.codec)) {
      await this.context.turns.take()
      if (part.kind !== 'problem') continue
      const { code, message, line } = part
      this.context.findings.add({ code, message, file: path, ...(line !== undefined && { line }), commit })
    }
  }

  private async read(file: BatchFile, commit: string): Promise<Buffer> {
    try {
      return await this.context.objects.read(file.oid, 'blob')
    } catch (error) {
      this.context.findings.addProblem(error, { file: pathOfFile(file), commit })
      throw new UnreadableBatch()
    }
  }
}

/** What the commit takes, its lists, and those directories that the tree before does not have. */
function bytesOf(step: Step | undefined): number {
  if (step === undefined) return 0
  const known = new Set(step.before?.directories.map(({ oid }) => oid))
  const added = step.tree.directories.filter(({ oid }) => !known.has(oid))
  return added.reduce((sum, { content }) => sum + content.length, step.bytes + step.tree.listBytes)
}

/** How many events files hold; undefined where one could not be read. */
function sumOf(added: readonly AddedFile[]): number | undefined {
  return added.reduce<number | undefined>(
    (sum, { count }) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  )
}

/** Whether a batch ends with a line feed, and with one alone. */
function endsWell(content: Buffer): boolean {
  return content.length > 1 && content.at(-1) === LINE_FEED && content.at(-2) !== LINE_FEED
}

function lastOf({ directories }: HistoricTree): BatchFile | undefined {
  return directories.at(-1)?.files.at(-1)
}

function listFiles(files: readonly BatchFile[]): string {
  const names = files.slice(0, 3).map(pathOfFile).join(', ')
  return files.length > 3 ? `${names} and ${files.length - 3} more files` : names
}
