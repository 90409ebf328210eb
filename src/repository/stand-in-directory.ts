import { access, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileError } from './durable-file.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

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
    private readonly directory: TemporaryDirectory,
    /** Makes git use the stand-in, and the repository's objects and index whatever becomes of the links. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** @throws DiskFullError, PermissionDeniedError, FileFailedError */
  static async create(repository: RepositoryPaths): Promise<StandInDirectory> {
    const directory = await TemporaryDirectory.create('memoir-git-')
    try {
      return await StandInDirectory.fill(directory, repository)
    } catch (cause) {
      await directory[Symbol.asyncDispose]()
      throw fileError(directory.path, cause)
    }
  }

  private static async fill(
    directory: TemporaryDirectory,
    repository: RepositoryPaths,
  ): Promise<StandInDirectory> {
    const gitDirectory = resolve(repository.gitDirectory)
    const { path } = directory
    const bare = repository.workTree === undefined
    const config = `[core]\n\trepositoryformatversion = 0\n\tbare = ${bare}\n`
    const ended = await Promise.allSettled([
      writeFile(join(path, 'config'), config),
      // Git does not take a link for HEAD.
      copyFile(join(gitDirectory, 'HEAD'), join(path, 'HEAD')),
      ...SHARED.map((name) => symlink(join(gitDirectory, name), join(path, name))),
      mkdir(join(path, 'info')),
    ])
    const failed = ended.find(({ status }) => status === 'rejected')
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
    return new StandInDirectory(directory, {
      GIT_DIR: path,
      GIT_OBJECT_DIRECTORY: join(gitDirectory, 'objects'),
      GIT_INDEX_FILE: join(gitDirectory, 'index'),
      ...(repository.workTree === undefined ? {} : { GIT_WORK_TREE: resolve(repository.workTree) }),
    })
  }

  get path(): string {
    return this.directory.path
  }

  /** False when somebody tidied the temporary folder. */
  async exists(): Promise<boolean> {
    return access(join(this.path, 'config')).then(
      () => true,
      () => false,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.directory[Symbol.asyncDispose]()
  }
}

const SHARED = ['objects', 'refs', 'packed-refs', 'logs', 'shallow']
