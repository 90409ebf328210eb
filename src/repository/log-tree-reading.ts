import type { BatchDirectory, BatchFile } from './batch-file.ts'
import { NotALogError, ObjectCorruptError, UnexpectedEntryError } from './errors.ts'
import type { GitObject, GitReader } from './git-reader.ts'
import {
  directoryNumber,
  EVENTS_PATH,
  GITATTRIBUTES_PATH,
  MANIFEST_PATH,
  parseBatchName,
  parseDirectoryName,
} from './layout.ts'
import { DIRECTORY_MODE, FILE_MODE, parseTree, type TreeEntry } from './object.ts'

/** The root of a log's tree. */
export interface Root {
  readonly manifestOid: string
  /** Undefined in a log without events. */
  readonly eventsOid: string | undefined
  readonly others: readonly TreeEntry[]
}

/**
 * Reads the root tree of a log. Files and folders of any name may stand beside the log's own.
 *
 * @throws NotALogError, UnexpectedEntryError, ObjectMissingError, ObjectCorruptError
 */
export async function readRoot(reader: GitReader, oid: string): Promise<Root> {
  const entries = parseTree(treeContent(await reader.read(oid)))
  for (const entry of entries) {
    const wanted = ROOT_MODES.get(entry.name)
    const isAllowed = entry.mode === FILE_MODE || entry.mode === DIRECTORY_MODE
    if (wanted === undefined ? !isAllowed : entry.mode !== wanted) {
      throw unexpected(
        '',
        entry,
        wanted === DIRECTORY_MODE ? 'expected a folder' : 'expected an ordinary file',
      )
    }
  }
  const oidOf = (name: string) => entries.find((entry) => entry.name === name)?.oid
  const manifestOid = oidOf(MANIFEST_PATH)
  if (manifestOid === undefined) throw new NotALogError(MANIFEST_PATH)
  return {
    manifestOid,
    eventsOid: oidOf(EVENTS_PATH),
    others: entries.filter(({ name }) => name !== EVENTS_PATH),
  }
}

const ROOT_MODES: ReadonlyMap<string, string> = new Map([
  [MANIFEST_PATH, FILE_MODE],
  [GITATTRIBUTES_PATH, FILE_MODE],
  [EVENTS_PATH, DIRECTORY_MODE],
])

/**
 * So many bytes of directories are read at once at most: the names of 1.4 million batch files, more than a log
 * of any size has, since it is folded. Trees are small for whoever makes one up, and large in memory.
 */
export const MOST_TREE_BYTES = 64 << 20

/**
 * Reads the directories below `events/`, but those that are known already.
 *
 * @throws UnexpectedEntryError, ObjectMissingError, ObjectCorruptError
 */
export async function readDirectories(
  reader: GitReader,
  eventsOid: string,
  known: readonly BatchDirectory[],
  mostBytes = MOST_TREE_BYTES,
): Promise<readonly BatchDirectory[]> {
  const entries = parseTree(treeContent(await reader.read(eventsOid)))
  const directories = new Map(known.map((directory) => [`${directory.number} ${directory.oid}`, directory]))
  const named = entries.map((entry) => {
    const number = parseDirectoryName(entry.name)
    if (number === undefined || entry.mode !== DIRECTORY_MODE) {
      throw unexpected(EVENTS_PATH, entry, 'expected a folder with a name of six digits')
    }
    return { entry, number, key: `${number} ${entry.oid}` }
  })
  const unknown = named.filter(({ key }) => !directories.has(key))
  // One is within the reader's limit for any object.
  if (unknown.length > 1) {
    const sizes = await reader.sizes(unknown.map(({ entry }) => entry.oid))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (bytes > mostBytes) {
      const what = `its folders list files in ${bytes} bytes, the limit is ${mostBytes}`
      throw new UnexpectedEntryError(EVENTS_PATH, DIRECTORY_MODE.padStart(6, '0'), what)
    }
  }
  let index = 0
  for await (const object of reader.readMany(unknown.map(({ entry }) => entry.oid))) {
    const { entry, number, key } = unknown[index++]!
    directories.set(key, { number, oid: object.oid, files: parseFiles(entry, number, object) })
  }
  const found = named.map(({ key }) => directories.get(key)!)
  const first = found[0]?.files[0]
  if (found.length > 0 && first?.first !== 1) {
    throw unexpected(EVENTS_PATH, entries[0]!, `the log starts at position ${first?.first}, not 1`)
  }
  return found
}

function parseFiles(directory: TreeEntry, number: number, object: GitObject): readonly BatchFile[] {
  const path = `${EVENTS_PATH}/${directory.name}`
  const entries = parseTree(treeContent(object))
  if (entries.length === 0) throw unexpected(EVENTS_PATH, directory, 'it is empty')
  const files: BatchFile[] = []
  for (const entry of entries) {
    const name = parseBatchName(entry.name)
    if (name === undefined || entry.mode !== FILE_MODE) {
      throw unexpected(path, entry, 'expected an ordinary file named after its first position')
    }
    if (directoryNumber(name.first) !== number) throw unexpected(path, entry, 'it is in the wrong folder')
    // Names of one length sort as their numbers do, so only a .yaml beside a .jsonl can break the order.
    if (files.at(-1)?.first === name.first) throw unexpected(path, entry, 'two files start at this position')
    files.push({ ...name, oid: entry.oid })
  }
  return files
}

function treeContent({ oid, type, content }: GitObject): Uint8Array {
  if (type !== 'tree') throw new ObjectCorruptError(oid, `it is a ${type}, not a tree`)
  return content
}

function unexpected(folder: string, { name, mode }: TreeEntry, what: string): UnexpectedEntryError {
  return new UnexpectedEntryError(folder === '' ? name : `${folder}/${name}`, mode.padStart(6, '0'), what)
}
