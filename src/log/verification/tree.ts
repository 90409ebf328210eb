import type { BatchFile } from '../../repository/batch-file.ts'
import { ObjectCorruptError } from '../../repository/errors.ts'
import {
  batchPath,
  directoryNumber,
  EVENTS_PATH,
  GITATTRIBUTES_PATH,
  MANIFEST_PATH,
  parseBatchName,
  parseDirectoryName,
} from '../../repository/layout.ts'
import { MOST_TREE_BYTES } from '../../repository/log-tree-reading.ts'
import { DIRECTORY_MODE, FILE_MODE, parseTree, type TreeEntry } from '../../repository/object.ts'
import type { VerificationContext } from './reading.ts'

/** A directory below `events/` with the bytes of its tree. */
interface HistoricDirectory {
  readonly number: number
  readonly oid: string
  readonly content: Buffer
  /** In the order of their positions; what has no place there is left out. */
  readonly files: readonly BatchFile[]
}

/**
 * The tree of a log at a commit, read as far as it can be: unlike `LogTree`, which refuses a tree with an
 * entry that the format has no place for, it reports the entry and goes on.
 */
export interface HistoricTree {
  readonly manifestOid: string | undefined
  /** All of the root but the manifest and `events`. */
  readonly others: readonly TreeEntry[]
  readonly directories: readonly HistoricDirectory[]
  /** What the root and `events` take: the lists of the others and of the directories are made anew for each commit. */
  readonly listBytes: number
}

/** What a commit did to the batch files, each in the order of their positions. */
export interface FileChange {
  readonly removed: readonly BatchFile[]
  readonly added: readonly BatchFile[]
}

/**
 * Reads the tree of a commit: the root, `events`, and the directories that the tree before does not have.
 *
 * @returns undefined when a part cannot be read, which is reported
 */
export async function readHistoricTree(
  { objects, findings }: VerificationContext,
  oid: string,
  commit: string,
  before: HistoricTree | undefined,
): Promise<HistoricTree | undefined> {
  let file = ''
  const report: Report = (path, entry, what) => {
    const message = `${JSON.stringify(path)} (mode ${entry.mode.padStart(6, '0')}): ${what}`
    findings.add({ code: 'unexpected-entry', message, file: path, commit })
  }
  try {
    const rootList = await objects.read(oid, 'tree')
    const root = parseTree(rootList)
    for (const entry of root) checkRootEntry(entry, report)
    const manifestOid = root.find(({ name }) => name === MANIFEST_PATH)?.oid
    if (manifestOid === undefined) {
      findings.add({ code: 'not-a-log', message: `${MANIFEST_PATH} is missing`, file: MANIFEST_PATH, commit })
    }
    const others = root.filter(({ name }) => name !== MANIFEST_PATH && name !== EVENTS_PATH)
    const directories: HistoricDirectory[] = []
    const olds = byNumber(before)
    let bytes = 0
    const events = root.find(({ name, mode }) => name === EVENTS_PATH && mode === DIRECTORY_MODE)
    file = EVENTS_PATH
    const eventsList = events === undefined ? NO_ENTRIES : await objects.read(events.oid, 'tree')
    for (const entry of parseTree(eventsList)) {
      file = `${EVENTS_PATH}/${entry.name}`
      const number = parseDirectoryName(entry.name)
      if (number === undefined || entry.mode !== DIRECTORY_MODE) {
        report(file, entry, 'expected a folder with a name of six digits')
        continue
      }
      const old = olds.get(number)
      const isSame = old?.oid === entry.oid
      const content = isSame ? old.content : await objects.read(entry.oid, 'tree')
      bytes += content.length
      if (bytes > MOST_TREE_BYTES) {
        report(EVENTS_PATH, events!, `its folders list files in more than ${MOST_TREE_BYTES} bytes`)
        return undefined
      }
      if (content.length === 0) report(file, entry, 'it is empty')
      const files = isSame ? old.files : readFiles(content, old, entry, number, report)
      directories.push({ number, oid: entry.oid, content, files })
    }
    return { manifestOid, others, directories, listBytes: rootList.length + eventsList.length }
  } catch (error) {
    findings.addProblem(error, { file: file === '' ? '.' : file, commit })
    return undefined
  }
}

const NO_ENTRIES = Buffer.alloc(0)

type Report = (path: string, entry: TreeEntry, what: string) => void

const ROOT_MODES: ReadonlyMap<string, string> = new Map([
  [MANIFEST_PATH, FILE_MODE],
  [GITATTRIBUTES_PATH, FILE_MODE],
  [EVENTS_PATH, DIRECTORY_MODE],
])

function checkRootEntry(entry: TreeEntry, report: Report): void {
  const wanted = ROOT_MODES.get(entry.name)
  const isAllowed = wanted === undefined ? isPlain(entry) : entry.mode === wanted
  if (isAllowed) return
  report(entry.name, entry, wanted === DIRECTORY_MODE ? 'expected a folder' : 'expected an ordinary file')
}

function isPlain({ mode }: TreeEntry): boolean {
  return mode === FILE_MODE || mode === DIRECTORY_MODE
}

/**
 * The batch files of a directory. An append puts one entry behind those that stood there, so most trees
 * begin with the bytes of the one before, and only their end is parsed.
 */
function readFiles(
  content: Buffer,
  old: HistoricDirectory | undefined,
  directory: TreeEntry,
  number: number,
  report: Report,
): readonly BatchFile[] {
  const isLonger = old !== undefined && old.content.length > 0 && content.length > old.content.length
  if (isLonger && old.content.equals(content.subarray(0, old.content.length))) {
    const added = parseFiles(content.subarray(old.content.length), directory, number, report)
    if (added.length > 0 && added[0]!.first > (old.files.at(-1)?.first ?? 0)) return [...old.files, ...added]
  }
  return parseFiles(content, directory, number, report)
}

function parseFiles(content: Buffer, directory: TreeEntry, number: number, report: Report): BatchFile[] {
  const files: BatchFile[] = []
  for (const entry of parseEntries(content, directory.oid)) {
    const path = `${EVENTS_PATH}/${directory.name}/${entry.name}`
    const name = parseBatchName(entry.name)
    if (name === undefined || entry.mode !== FILE_MODE) {
      report(path, entry, 'expected an ordinary file named after its first position')
    } else if (directoryNumber(name.first) !== number) {
      report(path, entry, 'it is in the wrong folder')
    } else if (files.at(-1)?.first === name.first) {
      report(path, entry, 'two files start at this position')
    } else {
      files.push({ ...name, oid: entry.oid })
    }
  }
  return files
}

function parseEntries(content: Buffer, oid: string): TreeEntry[] {
  try {
    return parseTree(content)
  } catch (cause) {
    // Parsed was perhaps only the end of it, which has another id.
    throw cause instanceof ObjectCorruptError ? new ObjectCorruptError(oid, cause.what, { cause }) : cause
  }
}

/** All batch files of a tree, in order. */
export function* filesOf({ directories }: HistoricTree): Generator<BatchFile> {
  for (const { files } of directories) yield* files
}

/** Which batch files differ between two trees. Directories with the same id are passed over. */
export function diffTrees(before: HistoricTree | undefined, after: HistoricTree): FileChange {
  const removed: BatchFile[] = []
  const added: BatchFile[] = []
  const olds = byNumber(before)
  const news = byNumber(after)
  for (const number of [...new Set([...olds.keys(), ...news.keys()])].sort((left, right) => left - right)) {
    const [old, now] = [olds.get(number), news.get(number)]
    if (old?.oid !== now?.oid) diffFiles(old?.files ?? [], now?.files ?? [], removed, added)
  }
  return { removed, added }
}

/** A tree may hold a million of them. */
function byNumber(tree: HistoricTree | undefined): ReadonlyMap<number, HistoricDirectory> {
  return new Map(tree?.directories.map((directory) => [directory.number, directory]))
}

/** A merge of two lists that are both in order. */
function diffFiles(
  before: readonly BatchFile[],
  after: readonly BatchFile[],
  removed: BatchFile[],
  added: BatchFile[],
): void {
  for (let left = 0, right = 0; left < before.length || right < after.length; ) {
    const [old, now] = [before[left], after[right]]
    if (old !== undefined && now !== undefined && isSameFile(old, now)) {
      left++
      right++
    } else if (old !== undefined && (now === undefined || old.first <= now.first)) {
      removed.push(old)
      left++
    } else if (now !== undefined) {
      added.push(now)
      right++
    }
  }
}

function isSameFile(left: BatchFile, right: BatchFile): boolean {
  if (left === right) return true
  return left.first === right.first && left.oid === right.oid && left.codec === right.codec
}

/** Path of a batch file. */
export function pathOfFile({ first, codec }: BatchFile): string {
  return batchPath(first, codec)
}
