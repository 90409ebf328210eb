import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { nodeFileSystem } from '../system/file-system.ts'
import { errorCode, fileError } from './durable-file.ts'
import { parseGitSettings } from './git-config.ts'
import { checkRemoteAddress, InvalidRemoteError, shownAddress } from './remote-address.ts'
import type { RepositoryPaths } from './stand-in-directory.ts'

/** A remote that was found: by its name, undefined for one given by address. Paths are absolute. */
export interface Remote {
  readonly name: string | undefined
  readonly address: string
}

/** What the full name of a branch begins with. */
export const BRANCHES = 'refs/heads/'

/** @throws InvalidRemoteError for a name that is not configured, or an address that is refused */
export async function getRemote(
  { gitDirectory, workTree }: RepositoryPaths,
  remote: string,
  purpose: 'fetch' | 'push',
): Promise<Remote> {
  if (!isName(remote)) return remoteAt(remote, workTree ?? gitDirectory)
  const address = await findConfigured({ gitDirectory, workTree }, remote, purpose)
  if (address === undefined)
    throw new InvalidRemoteError(remote, 'is not the name of a configured remote', nameHint(remote))
  return { address, name: remote }
}

/**
 * The address of a remote that a repository knows by this name, or else what was given, as an address that
 * means the same everywhere.
 *
 * @throws InvalidRemoteError
 */
export async function addressOf(repository: RepositoryPaths | undefined, remote: string): Promise<string> {
  const isKnown = repository !== undefined && isName(remote)
  const configured = isKnown ? await findConfigured(repository, remote, 'fetch') : undefined
  return configured ?? resolveAddress(remote, process.cwd())
}

/**
 * As `addressOf`, where a typing mistake is likelier than a folder: a name that the repository does not know is an
 * address only if there is a folder.
 *
 * @throws InvalidRemoteError
 */
export async function addressNear(repository: RepositoryPaths, remote: string): Promise<string> {
  const isPath =
    !isName(remote) || (await stat(resolve(remote)).catch(() => undefined))?.isDirectory() === true
  const configured = isName(remote) ? await findConfigured(repository, remote, 'fetch') : undefined
  if (configured !== undefined || isPath) return configured ?? resolveAddress(remote, process.cwd())
  throw new InvalidRemoteError(
    remote,
    'is neither the name of a configured remote nor that of a folder',
    nameHint(remote),
  )
}

function nameHint(name: string): string {
  return `Make it known with \`git remote add ${name} <address>\`, or give an address: https://, ssh://, user@host:path or the path of a folder.`
}

/** The names of the remotes that a repository knows. */
export async function configuredRemotes({ gitDirectory }: RepositoryPaths): Promise<readonly string[]> {
  const settings = await readSettings(gitDirectory)
  const names = [...settings.keys()].flatMap((key) => /^remote\.(.+)\.url$/.exec(key)?.[1] ?? [])
  return names.filter(isName)
}

async function readSettings(gitDirectory: string): Promise<ReturnType<typeof parseGitSettings>> {
  const path = join(gitDirectory, 'config')
  const config = await nodeFileSystem.readFile(path).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw fileError(path, error)
  })
  return parseGitSettings(config?.toString('utf8') ?? '')
}

async function findConfigured(
  { gitDirectory, workTree }: RepositoryPaths,
  name: string,
  purpose: 'fetch' | 'push',
): Promise<string | undefined> {
  const settings = await readSettings(gitDirectory)
  // Of several the first, from which git fetches: pushing to the others is what mirrors are for.
  const find = (key: string) => settings.get(`remote.${name}.${key}`)?.[0]
  const pushAddress = purpose === 'push' ? find('pushurl') : undefined
  const address = pushAddress ?? find('url')
  return address === undefined ? undefined : resolveAddress(address, workTree ?? gitDirectory)
}

/** Whether a remote that is known by its name is pushed to at another address than it is fetched from. */
export async function isPushedElsewhere({ gitDirectory }: RepositoryPaths, name: string): Promise<boolean> {
  const settings = await readSettings(gitDirectory)
  const [pushAddress] = settings.get(`remote.${name}.pushurl`) ?? []
  return pushAddress !== undefined && pushAddress !== settings.get(`remote.${name}.url`)?.[0]
}

/** A remote that is given by its address. @throws InvalidRemoteError */
export function remoteAt(address: string, base: string): Remote {
  return { name: undefined, address: resolveAddress(address, base) }
}

/** A path is taken from a folder. @throws InvalidRemoteError */
function resolveAddress(address: string, base: string): string {
  const isPath = checkRemoteAddress(address) === 'file' && !/^file:/i.test(address)
  return isPath ? resolve(base, address) : address
}

/** Where the repository remembers a branch of a remote; undefined for an address. */
export function trackingRefOf(remote: string, branch: string): string | undefined {
  const isTracked = isName(remote) && branch.startsWith(BRANCHES)
  return isTracked ? `refs/remotes/${remote}/${branch.slice(BRANCHES.length)}` : undefined
}

function isName(remote: string): boolean {
  return /^\w[\w.-]*$/.test(remote)
}

/** A remote as messages show it: without credentials. */
export function nameOf({ name, address }: Remote): string {
  return name ?? shownAddress(address)
}
