import { join } from 'node:path'
import { type FileSystem, nodeFileSystem } from '../system/file-system.ts'
import { errorCode, fileError, replaceFile } from './durable-file.ts'
import { DetachedHeadError } from './errors.ts'
import { readHead } from './refs.ts'
import type { RepositoryPaths } from './stand-in-directory.ts'

/** A repository that has its files checked out. */
export interface CheckedOutRepository extends RepositoryPaths {
  readonly workTree: string
}

/** What brings index and files from one commit to another. Undefined stands for no commit: no files. */
export interface Checkout {
  /**
   * Changes the files that differ between the two commits. A file that somebody changed since is not
   * touched, and nothing else is then either. Done twice, it is as if done once.
   *
   * @throws WorkTreeError
   */
  move(from: string | undefined, to: string): Promise<void>
}

/**
 * Makes the index and the files of a non-bare repository follow its branch, whose commits Memoir makes past
 * them. What the user changed elsewhere in the work tree stays as it is.
 *
 * The commit that the files stand at is kept in `<git directory>/memoir/work-tree`, so that a crash between
 * the commit and its files is repaired by the next `recover`.
 */
export class WorkTree {
  readonly #checkout: Checkout
  readonly #fileSystem: FileSystem
  readonly #gitDirectory: string
  readonly #directory: string
  readonly #index: string

  constructor(repository: CheckedOutRepository, checkout: Checkout, fileSystem: FileSystem = nodeFileSystem) {
    this.#checkout = checkout
    this.#fileSystem = fileSystem
    this.#gitDirectory = repository.gitDirectory
    this.#directory = join(repository.gitDirectory, 'memoir')
    this.#index = join(repository.gitDirectory, 'index')
  }

  /**
   * To be called after the checked-out branch was moved.
   *
   * @throws WorkTreeError when files that would change were changed by somebody else: nothing is touched
   */
  async sync(from: string | undefined, to: string): Promise<void> {
    if (from !== to) await this.#checkout.move(from, to)
    await this.#remember(to)
  }

  /**
   * To be called when a repository is opened, with the commit its branch is at. Files that were never
   * synced are taken to be as git left them; but not at a log's first commit, which may have been made
   * beside an index that somebody had begun.
   *
   * @throws WorkTreeError
   */
  async recover(head: string, { isFirst = false } = {}): Promise<void> {
    const last = await this.lastSynced()
    if (last === head) return
    const isUntouched = last === undefined && !isFirst && (await this.#hasIndex())
    await this.sync(isUntouched ? head : last, head)
  }

  /** Whether the files are those of a branch: not after a `git switch` to another one, or to a commit. */
  async isAt(branch: string): Promise<boolean> {
    try {
      return (await readHead(this.#fileSystem, this.#gitDirectory)) === branch
    } catch (error) {
      if (error instanceof DetachedHeadError) return false
      throw error
    }
  }

  /**
   * The commit that the files were last brought to; undefined if that never happened.
   *
   * @throws PermissionDeniedError, FileFailedError
   */
  async lastSynced(): Promise<string | undefined> {
    try {
      const text = (await this.#fileSystem.readFile(this.#path)).toString('latin1')
      return /^([0-9a-f]{40})\n$/.exec(text)?.[1]
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw fileError(this.#path, error)
    }
  }

  async #remember(commit: string): Promise<void> {
    try {
      await this.#fileSystem.makeDirectory(this.#directory)
    } catch (error) {
      throw fileError(this.#directory, error)
    }
    await replaceFile(this.#fileSystem, this.#path, Buffer.from(`${commit}\n`))
  }

  async #hasIndex(): Promise<boolean> {
    return this.#fileSystem.stat(this.#index).then(
      () => true,
      () => false,
    )
  }

  get #path(): string {
    return join(this.#directory, 'work-tree')
  }
}
