import type { BatchDirectory, BatchFile } from './batch-file.ts'
import type { GitReader } from './git-reader.ts'
import {
  batchName,
  directoryName,
  directoryNumber,
  EVENTS_PATH,
  GITATTRIBUTES_PATH,
  MANIFEST_PATH,
} from './layout.ts'
import { readDirectories, readRoot } from './log-tree-reading.ts'
import { DIRECTORY_MODE, type EncodedObject, encodeTree, FILE_MODE, type TreeEntry } from './object.ts'

/** What a change takes out of a log, by first position, and what it puts in. A file may be replaced so. */
export interface TreeChange {
  readonly remove: readonly number[]
  readonly add: readonly BatchFile[]
}

/**
 * The tree of a log at one commit: which batch files there are. Immutable; a change makes a new one that
 * shares all directories but those it touches.
 */
export class LogTree {
  /** Batch files, all in all. */
  readonly fileCount: number

  private constructor(
    /** Of the root tree. */
    readonly oid: string,
    readonly manifestOid: string,
    /** In the order of their positions. */
    readonly directories: readonly BatchDirectory[],
    /** All of the root but `events`. */
    private readonly others: readonly TreeEntry[],
  ) {
    this.fileCount = directories.reduce((count, { files }) => count + files.length, 0)
  }

  /** The tree of a log without events, and the objects to write for it: the root. */
  static create(oids: { readonly manifest: string; readonly gitattributes: string }): {
    readonly tree: LogTree
    readonly objects: readonly EncodedObject[]
  } {
    const others = [
      { mode: FILE_MODE, name: GITATTRIBUTES_PATH, oid: oids.gitattributes },
      { mode: FILE_MODE, name: MANIFEST_PATH, oid: oids.manifest },
    ]
    const root = encodeTree(others)
    return { tree: new LogTree(root.oid, oids.manifest, [], others), objects: [root] }
  }

  /**
   * Reads the tree of a log: the root, `events` and its directories. Those that `previous` has too, it reads
   * no more: after a commit, that is three small objects.
   *
   * Trees are not trusted: whatever the format has no place for is refused. At the root, files and folders of
   * other names are let be.
   *
   * @throws NotALogError, UnexpectedEntryError, ObjectMissingError, ObjectCorruptError
   */
  static async read(reader: GitReader, oid: string, previous?: LogTree): Promise<LogTree> {
    if (oid === previous?.oid) return previous
    const { manifestOid, eventsOid, others } = await readRoot(reader, oid)
    const directories =
      eventsOid === undefined ? [] : await readDirectories(reader, eventsOid, previous?.directories ?? [])
    return new LogTree(oid, manifestOid, directories, others)
  }

  /** The last batch file, or undefined in a log without events. */
  get last(): BatchFile | undefined {
    return this.directories.at(-1)?.files.at(-1)
  }

  /** The batch file that holds a position: the one with the greatest first position not after it. */
  find(position: number): BatchFile | undefined {
    const directory = findLast(this.directories, (candidate) => firstOf(candidate) <= position)
    return directory && findLast(directory.files, (file) => file.first <= position)
  }

  /** The batch files in order, from the one that holds a position. */
  *filesFrom(position: number): Generator<BatchFile, void> {
    const start = this.find(position)?.first ?? 0
    for (const { files } of this.directories) {
      if (files.at(-1)!.first < start) continue
      for (const file of files) if (file.first >= start) yield file
    }
  }

  /**
   * The tree after a change, and the objects to write for it: the changed directories, `events` and the root.
   * Costs what the changed directories have of files, not what the log has.
   *
   * @throws RangeError for a file to remove that is not there, or to add that is there already
   */
  change({ remove, add }: TreeChange): {
    readonly tree: LogTree
    readonly objects: readonly EncodedObject[]
  } {
    const touched = new Set([...remove, ...add.map(({ first }) => first)].map(directoryNumber))
    const directories = this.directories.filter(({ number }) => !touched.has(number))
    const objects: EncodedObject[] = []
    for (const number of touched) {
      const isHere = (first: number) => directoryNumber(first) === number
      const old = this.directories.find((directory) => directory.number === number)?.files ?? []
      const files = changeFiles(
        old,
        remove.filter(isHere),
        add.filter(({ first }) => isHere(first)),
      )
      if (files.length === 0) continue
      const object = encodeTree(files.map(fileEntry))
      objects.push(object)
      directories.push({ number, oid: object.oid, files })
    }
    directories.sort((left, right) => left.number - right.number)
    const entries = [...this.others]
    if (directories.length > 0) {
      const events = encodeTree(directories.map(directoryEntry))
      objects.push(events)
      entries.push({ mode: DIRECTORY_MODE, name: EVENTS_PATH, oid: events.oid })
    }
    const root = encodeTree(entries)
    objects.push(root)
    return { tree: new LogTree(root.oid, this.manifestOid, directories, this.others), objects }
  }
}

function changeFiles(
  old: readonly BatchFile[],
  remove: readonly number[],
  add: readonly BatchFile[],
): readonly BatchFile[] {
  const files = new Map(old.map((file) => [file.first, file]))
  for (const first of remove) {
    if (!files.delete(first)) throw new RangeError(`no batch file starts at ${first}`)
  }
  for (const file of add) {
    if (files.has(file.first)) throw new RangeError(`a batch file starts at ${file.first} already`)
    files.set(file.first, file)
  }
  return [...files.values()].sort((left, right) => left.first - right.first)
}

function fileEntry({ first, codec, oid }: BatchFile): TreeEntry {
  return { mode: FILE_MODE, name: batchName(first, codec), oid }
}

function directoryEntry(directory: BatchDirectory): TreeEntry {
  return { mode: DIRECTORY_MODE, name: directoryName(firstOf(directory)), oid: directory.oid }
}

function firstOf({ files }: BatchDirectory): number {
  return files[0]?.first ?? Number.POSITIVE_INFINITY
}

/** The last item of which something is true that is true of all before it: a binary search. */
function findLast<Item>(items: readonly Item[], isTrue: (item: Item) => boolean): Item | undefined {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isTrue(items[middle]!)) low = middle + 1
    else high = middle
  }
  return items[low - 1]
}
