import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MemoirError } from '../event/errors.ts'
import { errorCode } from './durable-file.ts'
import { WorkTreeError } from './errors.ts'
import type { GitReader } from './git-reader.ts'
import { withIndexLock } from './index-lock.ts'
import { isomorphicFiles } from './isomorphic-files.ts'
import { EVENTS_PATH, GITATTRIBUTES_PATH, MANIFEST_PATH } from './layout.ts'
import { DIRECTORY_MODE, FILE_MODE, objectId, parseCommit, parseTree, type TreeEntry } from './object.ts'
import type { CheckedOutRepository, Checkout } from './work-tree.ts'

/** A file that is not the same in two commits: the ids of its contents, undefined where it is not. */
interface Change {
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/**
 * Moves index and files without a git binary, for the files of a log alone: those under `events/`, the
 * manifest and `.gitattributes`: meant for small commits.
 */
export class IsomorphicCheckout implements Checkout {
  readonly #repository: CheckedOutRepository
  readonly #reader: GitReader

  constructor(repository: CheckedOutRepository, reader: GitReader) {
    this.#repository = repository
    this.#reader = reader
  }

  async move(from: string | undefined, to: string): Promise<void> {
    try {
      await this.#move(from, to)
    } catch (cause) {
      // Such as an index of a version that isomorphic-git does not know, or a folder that cannot be written to.
      if (cause instanceof MemoirError) throw cause
      throw new WorkTreeError(this.#repository.workTree, 'its files or its index could not be updated', {
        cause,
      })
    }
  }

  async #move(from: string | undefined, to: string): Promise<void> {
    const changes = await this.#changes(from, to)
    if (changes.length > 0) await withIndexLock(this.#repository, () => this.#make(changes))
  }

  /** Returns the index as it is to be. */
  async #make(changes: readonly Change[]): Promise<Uint8Array | undefined> {
    const conflicts: string[] = []
    for (const change of changes) if (!(await this.#isOurs(change))) conflicts.push(change.path)
    if (conflicts.length > 0) {
      throw new WorkTreeError(this.#repository.workTree, `${conflicts.join(', ')} changed by somebody else`, {
        hint: 'Move your changes to these files away. The next command that writes, or `memoir doctor --fix`, brings them up to date.',
      })
    }
    const { updateIndex } = await import('isomorphic-git')
    const { gitDirectory: gitdir, workTree: dir } = this.#repository
    const cache = {}
    let index: Uint8Array | undefined
    const writeFile = async (_: string, bytes: Uint8Array) => {
      index = bytes
    }
    const fs = { promises: { ...isomorphicFiles.promises, writeFile } }
    for (const { path: filepath, after: oid } of changes) {
      if (oid === undefined) {
        await rm(join(dir, filepath), { force: true })
        await updateIndex({ fs, dir, gitdir, filepath, remove: true, force: true, cache })
      } else {
        await this.#write(join(dir, filepath), oid)
        await updateIndex({ fs, dir, gitdir, filepath, oid, add: true, cache })
      }
    }
    return index
  }

  async #changes(from: string | undefined, to: string): Promise<Change[]> {
    const [before, after] = [await this.#rootOf(from), await this.#rootOf(to)]
    const isOfLog = ({ name }: TreeEntry) => LOG_NAMES.includes(name)
    return this.#compare('', before.filter(isOfLog), after.filter(isOfLog))
  }

  async #rootOf(commit: string | undefined): Promise<TreeEntry[]> {
    if (commit === undefined) return []
    const { tree } = parseCommit((await this.#reader.read(commit)).content)
    return this.#entries(tree)
  }

  async #entries(tree: string | undefined): Promise<TreeEntry[]> {
    return tree === undefined ? [] : parseTree((await this.#reader.read(tree)).content)
  }

  async #compare(
    prefix: string,
    before: readonly TreeEntry[],
    after: readonly TreeEntry[],
  ): Promise<Change[]> {
    const changes: Change[] = []
    const old = new Map(before.map((entry) => [entry.name, entry]))
    const now = new Map(after.map((entry) => [entry.name, entry]))
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [left, right] = [old.get(name), now.get(name)]
      if (left?.oid === right?.oid && left?.mode === right?.mode) continue
      const path = prefix + name
      const [leftTree, rightTree] = [idOf(left, DIRECTORY_MODE), idOf(right, DIRECTORY_MODE)]
      if (leftTree !== undefined || rightTree !== undefined) {
        changes.push(
          ...(await this.#compare(`${path}/`, await this.#entries(leftTree), await this.#entries(rightTree))),
        )
      }
      const [leftFile, rightFile] = [idOf(left, FILE_MODE), idOf(right, FILE_MODE)]
      if (leftFile !== rightFile) changes.push({ path, before: leftFile, after: rightFile })
    }
    return changes
  }

  /** Whether a file is as one of the two commits has it, so that nothing is lost by changing it. */
  async #isOurs({ path, before, after }: Change): Promise<boolean> {
    const found = await this.#contentId(path)
    return found === before || found === after
  }

  /** The id of a file's content, undefined if there is no such file, and null if it is none of ours. */
  async #contentId(path: string): Promise<string | undefined | null> {
    const parts = path.split('/')
    for (let depth = 1; depth <= parts.length; depth++) {
      const part = join(this.#repository.workTree, ...parts.slice(0, depth))
      try {
        const stat = await lstat(part)
        // A link could lead out of the work tree.
        if (depth < parts.length ? !stat.isDirectory() : !stat.isFile()) return null
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined
        throw error
      }
    }
    return objectId('blob', await readFile(join(this.#repository.workTree, path)))
  }

  async #write(path: string, oid: string): Promise<void> {
    const { content } = await this.#reader.read(oid)
    await mkdir(dirname(path), { recursive: true })
    const temporary = `${path}.memoir-tmp`
    // What stands there may be a link, which writing would follow.
    await rm(temporary, { force: true })
    await writeFile(temporary, content, { flag: 'wx' })
    await rename(temporary, path)
  }
}

const LOG_NAMES = [EVENTS_PATH, MANIFEST_PATH, GITATTRIBUTES_PATH]

function idOf(entry: TreeEntry | undefined, mode: string): string | undefined {
  return entry?.mode === mode ? entry.oid : undefined
}
