import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Clock, systemClock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { errorCode, removeQuietly } from './durable-file.ts'
import { fileAgeSeconds, fileTimeMs, refLockPath } from './ref-update.ts'

/** A lock file that stands beside a ref. */
export interface RefLock {
  readonly ref: string
  readonly path: string
  /** Since it was last written. */
  readonly ageSeconds: number
  /**
   * Processes that have the lock open, or are gits at work in this repository: git closes a lock before it
   * lets go of it. Undefined where the system does not tell (anywhere but Linux).
   */
  readonly owners: readonly LockOwner[] | undefined
}

export interface LockOwner {
  readonly pid: number
  readonly command: string
}

/** Younger locks are not judged: their owner may only just have closed them. */
export const STALE_AFTER_SECONDS = 5

/**
 * The lock of a ref with its age and owners, or undefined if it is not locked. Looks through all processes
 * (some 10 ms): for a doctor, not for every append.
 */
export async function describeRefLock(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
  clock: Clock = systemClock,
): Promise<RefLock | undefined> {
  const path = refLockPath(gitDirectory, ref)
  const ageSeconds = await fileAgeSeconds(fileSystem, path, clock)
  if (ageSeconds === undefined) return undefined
  return { ref, path, ageSeconds, owners: await findOwners(gitDirectory, path) }
}

/** Whether the owner of a lock is known to be gone. */
export function isStale(lock: RefLock): boolean {
  return lock.ageSeconds >= STALE_AFTER_SECONDS && lock.owners?.length === 0
}

/**
 * Removes the lock of a ref if its owner is gone: a git that was killed leaves one behind. Returns the lock
 * it found; `removed` says whether it was stale and is gone now.
 *
 * Processes in another container or on another host cannot be seen: not for a repository that is shared so.
 */
export async function removeStaleRefLock(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
  clock: Clock = systemClock,
): Promise<{ readonly lock: RefLock; readonly removed: boolean } | undefined> {
  const path = refLockPath(gitDirectory, ref)
  const before = await fileTimeMs(fileSystem, path)
  const lock = await describeRefLock(fileSystem, gitDirectory, ref, clock)
  if (lock === undefined || !isStale(lock)) return lock && { lock, removed: false }
  // Somebody may have taken a lock of their own since.
  if ((await fileTimeMs(fileSystem, path)) !== before) return { lock, removed: false }
  await removeQuietly(fileSystem, path)
  return { lock, removed: (await fileTimeMs(fileSystem, path)) === undefined }
}

/**
 * Processes that have a file of a repository open, or are gits at work in the repository; undefined where the
 * system does not tell.
 */
export async function findOwners(
  gitDirectory: string,
  path: string,
): Promise<readonly LockOwner[] | undefined> {
  if (process.platform !== 'linux') return undefined
  const root = await realpath(basename(gitDirectory) === '.git' ? dirname(gitDirectory) : gitDirectory)
  const file = join(await realpath(dirname(path)), basename(path))
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const owners = await Promise.all(
    pids.map(async (pid) => {
      const command = (await readText(`/proc/${pid}/comm`)).trim()
      const isOwner = (await isGitAt(pid, command, root)) || (await hasOpen(pid, command, file))
      return isOwner ? { pid: Number(pid), command } : undefined
    }),
  )
  return owners.filter((owner) => owner !== undefined)
}

/** Any git that works in this repository, but for `git cat-file`: an open log keeps one running. */
async function isGitAt(pid: string, command: string, root: string): Promise<boolean> {
  if (!command.startsWith('git')) return false
  const commandLine = await readText(`/proc/${pid}/cmdline`)
  if (commandLine === '' || commandLine.split('\0').includes('cat-file')) return false
  // Of another user's git we see nothing, so it counts; one that has just ended does not.
  const directory = await readlink(`/proc/${pid}/cwd`).catch((error) =>
    errorCode(error) === 'EACCES' ? root : '',
  )
  const environment = await readText(`/proc/${pid}/environ`)
  const told = toldDirectories(commandLine, environment).map((path) =>
    realpath(resolve(directory, path)).catch(() => ''),
  )
  return [directory, commandLine, environment, ...(await Promise.all(told))].some((text) =>
    text.includes(root),
  )
}

/** Where a git was told that its repository is: maybe from where it is, or by another name. */
function toldDirectories(commandLine: string, environment: string): string[] {
  const variables = environment.split('\0').map((variable) => /^GIT_DIR=(.+)/s.exec(variable)?.[1])
  const options = [...commandLine.matchAll(/\0--git-dir[=\0]([^\0]+)/g)].map(([, path]) => path)
  return [...variables, ...options].filter((path) => path !== undefined)
}

async function hasOpen(pid: string, command: string, path: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`
  try {
    const targets = (await readdir(directory)).map((name) => readlink(`${directory}/${name}`).catch(() => ''))
    return (await Promise.all(targets)).includes(path)
  } catch (error) {
    // Of another user's process we see nothing: a Node may be a Memoir, so it counts.
    return errorCode(error) === 'EACCES' && command.startsWith('node')
  }
}

/** Empty for a process that has ended, or that is not ours to look into. */
function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
