import { dirname, resolve } from 'node:path'
import type { FileSystem } from '../system/file-system.ts'
import { errorCode, fileError, replaceFile } from './durable-file.ts'
import { NotARepositoryError } from './errors.ts'
import { PACKING_SETTINGS } from './git-environment.ts'
import { EVENTS_PATH } from './layout.ts'
import { validateRef } from './refs.ts'
import { splitCredentials } from './remote-address.ts'
import type { Repository } from './repository.ts'

const DIRECTORIES = [
  'objects/info',
  'objects/pack',
  'objects',
  'refs/heads',
  'refs/tags',
  'refs',
  'info',
  '.',
]

/** What a git that users run here is not to do: start a collection beside our maintenance, or look for deltas in vain for a clone. */
const SETTINGS = { 'gc.auto': '0', 'maintenance.auto': 'false', ...PACKING_SETTINGS }
const CONFIG = `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n${asConfig(SETTINGS)}`
const ATTRIBUTES_PATH = 'info/attributes'
/** Else git would call a batch binary that is larger than its threshold, and show no diff of it. */
const ATTRIBUTES = `${EVENTS_PATH}/** diff\n`

export interface CreationOptions {
  /** Default `main`. */
  readonly branch?: string
  /** Address of the remote `origin`. */
  readonly origin?: string
}

/**
 * Creates a bare repository, durable when it resolves. The path may be missing, empty, or hold what an
 * earlier creation left when it was cut short. HEAD is written last: before it, nothing is a repository.
 *
 * @throws NotARepositoryError if something else is there
 * @throws InvalidRefError for a branch name that git does not allow
 * @throws PermissionDeniedError, DiskFullError, FileFailedError
 */
export async function createRepository(
  path: string,
  fileSystem: FileSystem,
  { branch = 'main', origin }: CreationOptions = {},
): Promise<Repository> {
  const folder = resolve(path)
  const ref = `refs/heads/${branch}`
  validateRef(ref)
  try {
    const parents = await missingParents(fileSystem, folder)
    await fileSystem.makeDirectory(folder)
    if (!(await isUnfinished(folder, fileSystem))) throw new NotARepositoryError(folder, 'it is not empty')
    for (const name of DIRECTORIES) await fileSystem.makeDirectory(resolve(folder, name))
    await writeConfig(folder, CONFIG + remoteSection(origin), origin, fileSystem)
    await replaceFile(fileSystem, resolve(folder, ATTRIBUTES_PATH), Buffer.from(ATTRIBUTES))
    for (const name of DIRECTORIES) await fileSystem.syncDirectory(resolve(folder, name))
    await replaceFile(fileSystem, `${folder}/HEAD`, Buffer.from(`ref: ${ref}\n`))
    for (const directory of [folder, ...parents]) await fileSystem.syncDirectory(directory)
  } catch (error) {
    throw fileError(folder, error)
  }
  return { path: folder, gitDirectory: folder, workTree: undefined, branch: ref }
}

function remoteSection(address: string | undefined): string {
  return address === undefined ? '' : `[remote "origin"]\n${urlSetting(address)}\n`
}

function urlSetting(address: string): string {
  return `\turl = "${address.replace(/["\\]/g, '\\$&')}"`
}

function asConfig(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => {
      const [section, name] = key.split('.')
      return `[${section}]\n\t${name} = ${value}\n`
    })
    .join('')
}

/** The options of `git clone` for a repository that is set up as those created here. */
export const CLONE_SETTINGS = Object.entries(SETTINGS).map(([key, value]) => `--config=${key}=${value}`)

/** Sets up the rest of a fresh clone. @throws DiskFullError, PermissionDeniedError, FileFailedError */
export async function finishClone(gitDirectory: string, fileSystem: FileSystem): Promise<void> {
  try {
    await fileSystem.makeDirectory(`${gitDirectory}/info`)
  } catch (error) {
    throw fileError(gitDirectory, error)
  }
  await replaceFile(fileSystem, `${gitDirectory}/${ATTRIBUTES_PATH}`, Buffer.from(ATTRIBUTES))
}

/**
 * Puts an address into the configuration of a fresh clone, in the place of the one that git was given.
 *
 * @throws DiskFullError, PermissionDeniedError, FileFailedError
 */
export async function replaceOrigin(
  gitDirectory: string,
  address: string,
  fileSystem: FileSystem,
): Promise<void> {
  const path = `${gitDirectory}/config`
  const config = (await fileSystem.readFile(path)).toString('utf8')
  const changed = config.replace(/^\turl = .*$/m, () => urlSetting(address))
  await writeConfig(gitDirectory, changed, address, fileSystem)
}

/** A password in it is nobody else's to read. */
function writeConfig(
  gitDirectory: string,
  config: string,
  origin: string | undefined,
  fileSystem: FileSystem,
): Promise<void> {
  const isSecret = origin !== undefined && splitCredentials(origin).credentials !== undefined
  const mode = isSecret ? 0o600 : undefined
  return replaceFile(fileSystem, `${gitDirectory}/config`, Buffer.from(config), mode)
}

/**
 * Whether a folder holds nothing but what a creation leaves before its end: folders without files, and the
 * files of its set-up that are written here. Anything else of such a name is somebody's.
 */
export async function isUnfinished(folder: string, fileSystem: FileSystem): Promise<boolean> {
  for (const directory of DIRECTORIES) {
    for (const name of await namesIn(resolve(folder, directory), fileSystem)) {
      const path = directory === '.' ? name : `${directory}/${name}`
      const isOurs =
        DIRECTORIES.includes(path) ||
        /^(?:info\/)?tmp_obj_/.test(path) ||
        (await isOurFile(folder, path, fileSystem))
      if (!isOurs) return false
    }
  }
  return true
}

/** What is no folder holds no names, but is none of ours: it counts as its own. */
async function namesIn(path: string, fileSystem: FileSystem): Promise<readonly string[]> {
  try {
    return await fileSystem.list(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    if (errorCode(error) === 'ENOTDIR') return ['']
    throw fileError(path, error)
  }
}

async function isOurFile(folder: string, path: string, fileSystem: FileSystem): Promise<boolean> {
  const start = path === 'config' ? CONFIG : path === ATTRIBUTES_PATH ? ATTRIBUTES : undefined
  if (start === undefined) return false
  const text = await fileSystem.readFile(resolve(folder, path)).catch(() => '')
  return text.toString().startsWith(start)
}

/** The folders that will get a new name in them, from the innermost. */
export async function missingParents(fileSystem: FileSystem, folder: string): Promise<readonly string[]> {
  const parents = [dirname(folder)]
  for (let parent = dirname(folder); parent !== dirname(parent); parent = dirname(parent)) {
    try {
      await fileSystem.stat(parent)
      break
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      parents.push(dirname(parent))
    }
  }
  return parents
}
