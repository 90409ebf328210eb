import { rmSync } from 'node:fs'
import { access, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where a repository keeps its parts. */
export interface RepositoryPaths {
  readonly gitDirectory: string
  /** The checked-out files; undefined for a bare repository. */
  readonly workTree?: string | undefined
}

/**
 * A git directory of our own that stands in for a repository's: same objects, refs and index, none of its
 * configuration, hooks and attributes.
 *
 * Some thirty configuration keys make git run a program (filters, helpers, upload packs, partial clones …),
 * several under names that the repository is free to choose, so they cannot be overridden one by one.
 * A git that never sees the repository's `config` needs no such list. It is what `git-new-workdir` does:
 * a directory of symbolic links, in the system's temporary folder, 0.5 ms to make.
 */
export class StandInDirectory implements AsyncDisposable {
  private constructor(
    readonly path: string,
    /** Makes git use the stand-in, and the repository's objects and index whatever becomes of the links. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async create(repository: RepositoryPaths): Promise<StandInDirectory> {
    const gitDirectory = resolve(repository.gitDirectory)
    const path = await mkdtemp(join(tmpdir(), 'memoir-git-'))
    removeOnExit.add(path)
    const bare = repository.workTree === undefined
    await writeFile(join(path, 'config'), `[core]\n\trepositoryformatversion = 0\n\tbare = ${bare}\n`)
    // Git does not take a link for HEAD.
    await copyFile(join(gitDirectory, 'HEAD'), join(path, 'HEAD'))
    for (const name of SHARED) await symlink(join(gitDirectory, name), join(path, name))
    await mkdir(join(path, 'info'))
    return new StandInDirectory(path, {
      GIT_DIR: path,
      GIT_OBJECT_DIRECTORY: join(gitDirectory, 'objects'),
      GIT_INDEX_FILE: join(gitDirectory, 'index'),
      ...(repository.workTree === undefined ? {} : { GIT_WORK_TREE: resolve(repository.workTree) }),
    })
  }

  /** False when somebody tidied the temporary folder. */
  async exists(): Promise<boolean> {
    return access(join(this.path, 'config')).then(
      () => true,
      () => false,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeOnExit.delete(this.path)
    await rm(this.path, { recursive: true, force: true })
  }
}

const SHARED = ['objects', 'refs', 'packed-refs', 'logs', 'shallow']

/** What is left when the process ends without disposing. One listener for all, added with the first. */
class RemoveOnExit {
  readonly #paths = new Set<string>()
  #isListening = false

  add(path: string): void {
    this.#paths.add(path)
    if (this.#isListening) return
    this.#isListening = true
    process.once('exit', () => {
      for (const left of this.#paths) rmSync(left, { recursive: true, force: true })
    })
  }

  delete(path: string): void {
    this.#paths.delete(path)
  }
}

const removeOnExit = new RemoveOnExit()
