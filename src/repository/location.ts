import { basename, dirname, resolve } from 'node:path'
import type { FileStat, FileSystem } from '../system/file-system.ts'
import { isSameFolder } from '../system/same-folder.ts'
import { isUnfinished } from './creation.ts'
import { errorCode, fileError } from './durable-file.ts'
import { NotARepositoryError, UnsupportedRepositoryError } from './errors.ts'
import { type GitConfig, isTrue, parseGitConfig } from './git-config.ts'
import { readHead } from './refs.ts'
import type { Repository } from './repository.ts'

/**
 * The repository at a path: a bare one, or a folder with a `.git`. Undefined if nothing is there yet, so
 * that one may be created: no such path, an empty folder, or one whose creation was cut short.
 *
 * @throws NotARepositoryError for a path that holds anything else
 * @throws UnsupportedRepositoryError, DetachedHeadError, InvalidRefError, PermissionDeniedError
 */
export async function findRepository(path: string, fileSystem: FileSystem): Promise<Repository | undefined> {
  const folder = resolve(path)
  const stat = await statOrUndefined(fileSystem, folder)
  if (stat === undefined) return undefined
  if (stat.kind !== 'directory') throw new NotARepositoryError(folder, 'it is not a folder')
  const repository = await repositoryIn(folder, fileSystem)
  if (repository !== undefined) return repository
  if (await isUnfinished(folder, fileSystem)) return undefined
  // Somebody who was creating one may have come to an end between the two looks.
  const finished = await repositoryIn(folder, fileSystem)
  if (finished !== undefined) return finished
  throw new NotARepositoryError(folder, 'it is not empty, and has neither HEAD, objects and refs, nor .git')
}

/**
 * The repository that a folder belongs to: its own, or the nearest one above it, as git looks for it.
 * Undefined if there is none up to the root of the file system.
 *
 * @throws UnsupportedRepositoryError, DetachedHeadError, InvalidRefError, PermissionDeniedError
 */
export async function findRepositoryUpwards(
  path: string,
  fileSystem: FileSystem,
): Promise<Repository | undefined> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const repository = await repositoryIn(folder, fileSystem)
    if (repository !== undefined || folder === dirname(folder)) return repository
  }
}

async function repositoryIn(folder: string, fileSystem: FileSystem): Promise<Repository | undefined> {
  const gitDirectory = await findGitDirectory(folder, fileSystem)
  if (gitDirectory === undefined) return undefined
  if (await statOrUndefined(fileSystem, `${gitDirectory}/commondir`)) {
    throw new UnsupportedRepositoryError(folder, 'a linked worktree', {
      hint: 'Open the repository that it belongs to.',
    })
  }
  const config = await readConfig(gitDirectory, fileSystem)
  refuseUnsupported(gitDirectory, config)
  const workTree = workTreeOf(gitDirectory, folder, config)
  await refuseElsewhere(gitDirectory, workTree, config)
  return { path: folder, gitDirectory, workTree, branch: await readHead(fileSystem, gitDirectory) }
}

async function findGitDirectory(folder: string, fileSystem: FileSystem): Promise<string | undefined> {
  const inside = `${folder}/.git`
  const stat = await statOrUndefined(fileSystem, inside)
  if (stat?.kind === 'file') {
    const text = (await fileSystem.readFile(inside)).toString('utf8')
    const target = /^gitdir: (.+)/.exec(text)?.[1]?.trimEnd()
    if (target === undefined) throw new NotARepositoryError(folder, 'its .git file names no folder')
    const gitDirectory = resolve(folder, target)
    if (await isGitDirectory(gitDirectory, fileSystem)) return gitDirectory
    // A linked worktree has no objects of its own; repositoryIn says so.
    if (await statOrUndefined(fileSystem, `${gitDirectory}/commondir`)) return gitDirectory
    throw new NotARepositoryError(folder, `its .git file names ${gitDirectory}, which is none`)
  }
  if (stat?.kind === 'directory' && (await isGitDirectory(inside, fileSystem))) return inside
  return (await isGitDirectory(folder, fileSystem)) ? folder : undefined
}

async function isGitDirectory(path: string, fileSystem: FileSystem): Promise<boolean> {
  const stats = await Promise.all(
    ['HEAD', 'objects', 'refs'].map((name) => statOrUndefined(fileSystem, `${path}/${name}`)),
  )
  return stats.map((stat) => stat?.kind).join() === 'file,directory,directory'
}

async function readConfig(gitDirectory: string, fileSystem: FileSystem): Promise<GitConfig> {
  try {
    return parseGitConfig((await fileSystem.readFile(`${gitDirectory}/config`)).toString('utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return new Map()
    throw fileError(`${gitDirectory}/config`, error)
  }
}

/** Extensions that change nothing for us, or only with the value given. */
const KNOWN_EXTENSIONS: ReadonlyMap<string, string | undefined> = new Map([
  ['objectformat', 'sha1'],
  ['refstorage', 'files'],
  ['noop', undefined],
  ['noop-v1', undefined],
  ['preciousobjects', undefined],
  ['relativeworktrees', undefined],
])

/** A repository with an extension that is not understood must not be touched: git's own rule. */
function refuseUnsupported(gitDirectory: string, config: GitConfig): void {
  const version = config.get('core.repositoryformatversion') ?? '0'
  if (version !== '0' && version !== '1') {
    throw new UnsupportedRepositoryError(gitDirectory, `repository format ${version}`)
  }
  for (const [key, value] of config) {
    if (!key.startsWith('extensions.')) continue
    const name = key.slice('extensions.'.length)
    const wanted = KNOWN_EXTENSIONS.get(name)
    const isFine = KNOWN_EXTENSIONS.has(name) && (wanted === undefined || wanted === value.toLowerCase())
    if (!isFine) throw new UnsupportedRepositoryError(gitDirectory, `the extension ${name} = ${value}`)
  }
}

function workTreeOf(gitDirectory: string, folder: string, config: GitConfig): string | undefined {
  if (isTrue(config.get('core.bare'))) return undefined
  if (gitDirectory !== folder) return folder
  // Asked for the .git itself, or for a bare repository that does not say so.
  return basename(gitDirectory) === '.git' ? dirname(gitDirectory) : undefined
}

/**
 * A submodule's configuration names the folder that its `.git` file stands in. Any other folder is refused: files of the
 * branch would be written wherever a repository from a stranger says.
 */
async function refuseElsewhere(
  gitDirectory: string,
  workTree: string | undefined,
  config: GitConfig,
): Promise<void> {
  const configured = config.get('core.worktree')
  if (configured === undefined) return
  const elsewhere = resolve(gitDirectory, configured)
  if (workTree !== undefined && (await isSameFolder(elsewhere, workTree))) return
  throw new UnsupportedRepositoryError(gitDirectory, `the work tree ${elsewhere} (core.worktree)`, {
    hint: 'Open the folder that holds the .git of this repository, or take core.worktree out of its configuration.',
  })
}

async function statOrUndefined(fileSystem: FileSystem, path: string): Promise<FileStat | undefined> {
  try {
    return await fileSystem.stat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw fileError(path, error)
  }
}
