import { UnexpectedEntryError } from './errors.ts'
import type { GitReader } from './git-reader.ts'
import { DIRECTORY_MODE, FILE_MODE, parseTree, type TreeEntry } from './object.ts'

const EXECUTABLE_MODE = '100755'
/** More files and folders than anybody keeps beside a log. */
const MOST_PATHS = 100_000
const MOST_FOLDERS = 64

/**
 * Looks at the files and folders that stand beside a log's own, before they are checked out: ordinary files
 * only, no links, no submodules, and not more than a disk can take. Ten trees that each name the next one
 * ten times are 10^10 paths; here each tree is read once, and paths are multiplied instead of walked.
 */
export class OtherFiles {
  private readonly counted = new Map<string, number>()

  constructor(private readonly reader: GitReader) {}

  /** @throws UnexpectedEntryError for what has no place in a work tree */
  async check(entries: readonly TreeEntry[]): Promise<void> {
    await this.count('', entries, 0)
  }

  /** How many paths there are, those of folders with them: git walks them all, also where no file stands. */
  private async count(folder: string, entries: readonly TreeEntry[], depth: number): Promise<number> {
    let paths = 0
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.mode === DIRECTORY_MODE) paths += 1 + (await this.countFolder(path, entry, depth + 1))
      else if (entry.mode === FILE_MODE || entry.mode === EXECUTABLE_MODE) paths++
      else throw unexpected(path, entry, 'expected an ordinary file or a folder')
      if (paths > MOST_PATHS)
        throw unexpected(path, entry, `more than ${MOST_PATHS} files and folders stand here`)
    }
    return paths
  }

  private async countFolder(path: string, entry: TreeEntry, depth: number): Promise<number> {
    const known = this.counted.get(entry.oid)
    if (known !== undefined) return known
    if (depth > MOST_FOLDERS)
      throw unexpected(path, entry, `more than ${MOST_FOLDERS} folders in one another`)
    const { type, content } = await this.reader.read(entry.oid)
    if (type !== 'tree') throw unexpected(path, entry, `it is a ${type}, not a tree`)
    const paths = await this.count(path, parseTree(content), depth)
    this.counted.set(entry.oid, paths)
    return paths
  }
}

function unexpected(path: string, { mode }: TreeEntry, what: string): UnexpectedEntryError {
  return new UnexpectedEntryError(path, mode.padStart(6, '0'), what)
}
