import { InvalidBatchError } from '../event/invalid-batch.ts'
import type { BatchFile } from '../repository/batch-file.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { batchPath, FOLD_AFTER, FULL_BATCH_BYTES, MAX_BATCH_BYTES } from '../repository/layout.ts'
import { type EncodedObject, encodeObject } from '../repository/object.ts'
import { BatchSizes } from './batch-sizes.ts'
import type { BranchState } from './branch.ts'
import type { CommitChange, Committer } from './committer.ts'
import type { LogState } from './log-state.ts'

/** A fold is worth its commit when it leaves at most half as many files. */
const WORTH = 2
/** Files of up to 1 MiB each: so much is in memory, however much there is to fold. */
const GROUPS_A_COMMIT = 16

interface Sized extends BatchFile {
  readonly bytes: number
}

/** The file that a group became. */
interface JoinedGroup {
  readonly blob: EncodedObject
  readonly file: BatchFile
}

/**
 * Folds: replaces many small batch files by few larger ones with the same lines, so that the tree stays
 * small and a replay reads few, large blobs however small the appends were.
 */
export class Folding {
  readonly sizes: BatchSizes
  /** How many small files the last directory had when a fold was found not to be worth it. */
  private givenUpAt = 0

  constructor(
    private readonly state: LogState,
    private readonly committer: Committer,
    private readonly reader: GitReader,
  ) {
    this.sizes = new BatchSizes(reader)
  }

  /** Remembers the sizes of new batch files, so that they need not be asked for. */
  added(changes: readonly CommitChange[]): void {
    // Others may fold, too.
    this.sizes.forgetReplaced(this.state.branch.tree)
    for (const { blobs } of changes) for (const { oid, content } of blobs) this.sizes.add(oid, content.length)
  }

  /** Folds the last directory once enough small files stand in it. Costs nothing but a count before that. */
  async foldIfDue(): Promise<void> {
    const change = await this.planIfDue()
    if (change !== undefined) await this.commit(change)
  }

  /** What a fold that is due would change on top of the branch. */
  async planIfDue(): Promise<CommitChange | undefined> {
    const files = this.state.branch.tree.directories.at(-1)?.files ?? []
    if (files.length < FOLD_AFTER) return undefined
    const small = await this.smallFiles(files)
    if (small.length < this.givenUpAt + FOLD_AFTER) return undefined
    const change = await this.join(groupsOf(small))
    this.givenUpAt = change === undefined ? small.length : 0
    return change
  }

  /**
   * Folds the small files of all directories now, about 16 MiB of them with each commit.
   *
   * @returns how many files stood in the log before and after
   * @throws RefMovedError when somebody else moved the branch, and the signal's reason: what was folded until then stays so
   */
  async foldAll(signal?: AbortSignal): Promise<{ readonly before: number; readonly after: number }> {
    const before = this.state.branch.tree.fileCount
    for (const { files } of this.state.branch.tree.directories) {
      const groups = groupsOf(await this.smallFiles(files, signal))
      for (let at = 0; at < groups.length; at += GROUPS_A_COMMIT) {
        const change = await this.join(groups.slice(at, at + GROUPS_A_COMMIT), signal)
        if (change !== undefined) await this.commit(change)
      }
    }
    return { before, after: this.state.branch.tree.fileCount }
  }

  /** The files after the last full one of a directory. */
  private async smallFiles(files: readonly BatchFile[], signal?: AbortSignal): Promise<Sized[]> {
    const sizes = await this.sizes.of(files, signal)
    const lastFull = sizes.findLastIndex((bytes) => bytes >= FULL_BATCH_BYTES)
    return files.map((file, at) => ({ ...file, bytes: sizes[at]! })).slice(lastFull + 1)
  }

  private async commit(change: CommitChange): Promise<void> {
    this.state.branch = (await this.committer.commit(this.state.branch, [change]))[0]!
    this.added([change])
  }

  /** Makes one file of each group; undefined where none can be made, or there are no groups. */
  private async join(
    groups: readonly (readonly Sized[])[],
    signal?: AbortSignal,
  ): Promise<CommitChange | undefined> {
    const kept: (JoinedGroup & { readonly files: readonly Sized[] })[] = []
    for (const files of groups) {
      const joined = await this.joinGroup(files, signal)
      if (joined !== undefined) kept.push({ ...joined, files })
    }
    if (kept.length === 0) return undefined
    const first = kept[0]!.file.first
    const last = kept.at(-1)!.files.at(-1)!
    return {
      summary: { kind: 'fold', first, count: endOf(last, this.state.branch) - first + 1, streams: [] },
      blobs: kept.map(({ blob }) => blob),
      tree: {
        remove: kept.flatMap(({ files }) => files.map((file) => file.first)),
        add: kept.map(({ file }) => file),
      },
      position: this.state.branch.position,
    }
  }

  /** One file with the lines of many, or undefined where YAML texts cannot be put behind one another. */
  private async joinGroup(files: readonly Sized[], signal?: AbortSignal): Promise<JoinedGroup | undefined> {
    const contents: Buffer[] = []
    const oids = files.map(({ oid }) => oid)
    for await (const { content } of this.reader.readMany(oids, signal)) contents.push(content)
    const { first, codec } = files[0]!
    if (codec === 'yaml') {
      const { canConcatenate } = await import('../event/yaml-codec.ts')
      if (!contents.every((content) => canConcatenate(content.toString()))) return undefined
    }
    const unfinished = contents.findIndex((content) => content.at(-1) !== 0x0a)
    if (unfinished !== -1) {
      const { first, codec } = files[unfinished]!
      throw new InvalidBatchError(batchPath(first, codec), 1, 'ends without a line feed', 'LF at its end')
    }
    const blob = encodeObject('blob', ...contents)
    return { blob, file: { first, codec, oid: blob.oid } }
  }
}

/** What is to become one file each; none where that would not be worth a commit. */
function groupsOf(small: readonly Sized[]): Sized[][] {
  const groups = group(small).filter((files) => files.length > 1)
  return groups.length * WORTH > groups.flat().length ? [] : groups
}

/** Neighbours of one codec whose lines fit a file together. */
function group(files: readonly Sized[]): Sized[][] {
  const groups: Sized[][] = []
  let bytes = 0
  for (const file of files) {
    const current = groups.at(-1)
    const fits =
      current !== undefined && current[0]!.codec === file.codec && bytes + file.bytes <= MAX_BATCH_BYTES
    if (fits) current.push(file)
    else groups.push([file])
    bytes = fits ? bytes + file.bytes : file.bytes
  }
  return groups
}

/** Position of the last event in a batch file. */
function endOf(file: BatchFile, { tree, position }: BranchState): number {
  for (const next of tree.filesFrom(file.first)) if (next.first > file.first) return next.first - 1
  return position
}
