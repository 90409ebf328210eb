import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Clock, systemClock } from '../system/clock.ts'
import type { File, FileSystem } from '../system/file-system.ts'
import { errorCode, fileError, ignoreMissing, removeQuietly, syncFile, writeFully } from './durable-file.ts'
import { InvalidRefError, RefLockedError, RefMovedError } from './errors.ts'
import { readRefValue, validateRef } from './refs.ts'

/** A compare-and-swap of a ref. `expected: undefined` means that the ref must not exist yet. */
export interface RefChange {
  readonly expected: string | undefined
  readonly next: string
}

export interface RefUpdateOptions {
  /** How long to wait for a lock that somebody else holds, in milliseconds. Default 1000. */
  readonly lockWaitMs?: number
  readonly clock?: Clock
}

const LONGEST_PAUSE_MS = 50

/**
 * Moves a ref if it stands where the caller saw it, under git's own lock, and makes that durable (about
 * 1 ms). Every git process obeys the same lock, so of two writers with one expectation one is refused.
 *
 * The reflog is left alone: a branch of a log only ever grows, so the reflog would tell what `git log` tells,
 * for one more write a commit.
 *
 * @throws RefMovedError if it stands elsewhere
 * @throws RefLockedError if the lock is not given up in time
 * @throws InvalidRefError for a name git does not allow, or a symbolic ref
 * @throws DiskFullError, PermissionDeniedError, FileFailedError: the ref may have moved, read it again
 */
export async function updateRef(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
  change: RefChange,
  options: RefUpdateOptions = {},
): Promise<void> {
  validateRef(ref)
  const path = `${gitDirectory}/${ref}`
  const lockPath = refLockPath(gitDirectory, ref)
  const lock = await takeLock(fileSystem, ref, lockPath, options).catch((error: unknown) => {
    throw fileError(lockPath, error)
  })
  // The lock stays open until it is gone, so that it can be told from one whose owner died.
  try {
    try {
      await compare(fileSystem, gitDirectory, ref, change.expected)
      await overwrite(lock, `${change.next}\n`)
      await fileSystem.rename(lockPath, path)
    } catch (error) {
      await removeQuietly(fileSystem, lockPath)
      throw error
    }
    await syncParents(fileSystem, gitDirectory, ref)
  } catch (error) {
    throw fileError(path, error)
  } finally {
    await lock.close().catch((error: unknown) => {
      throw fileError(lockPath, error)
    })
  }
}

/**
 * Makes durable where a ref stands: a git that moved it syncs no folder, and a process that was killed may not have come
 * to that.
 *
 * @throws DiskFullError, PermissionDeniedError, FileFailedError
 */
export async function syncRef(fileSystem: FileSystem, gitDirectory: string, ref: string): Promise<void> {
  try {
    for (const name of [ref, 'packed-refs']) {
      await syncFile(fileSystem, `${gitDirectory}/${name}`).catch(ignoreMissing)
    }
    // Git removes folders that get empty, as when it packs refs.
    for (const folder of foldersOf(gitDirectory, ref)) {
      await fileSystem.syncDirectory(folder).catch(ignoreMissing)
    }
  } catch (error) {
    throw fileError(`${gitDirectory}/${ref}`, error)
  }
}

/** Where git keeps the lock of a ref. */
export function refLockPath(gitDirectory: string, ref: string): string {
  return `${gitDirectory}/${ref}.lock`
}

async function takeLock(
  fileSystem: FileSystem,
  ref: string,
  path: string,
  { lockWaitMs = 1000, clock = systemClock }: RefUpdateOptions,
): Promise<File> {
  for (let waited = 0, pause = 2; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await fileSystem.open(path, 'wx', 0o666)
    } catch (error) {
      const code = errorCode(error)
      const isLocked = code === 'EEXIST'
      if (!isLocked && code !== 'ENOENT') throw error
      const isLate = waited > lockWaitMs
      if (isLate && !isLocked) throw error
      if (isLate) throw new RefLockedError(ref, path, (await fileAgeSeconds(fileSystem, path, clock)) ?? 0)
      // The first ref of a folder. git removes a folder that gets empty, so this may have to be done again.
      if (!isLocked) await fileSystem.makeDirectory(dirname(path))
    }
    await wait(pause)
    waited += pause
  }
}

/**
 * Seconds since a file was last written, or undefined if it is gone. One whose time lies ahead was written before the
 * clock was set back: it is as old as it lies ahead, or it would stay young until the clock has caught up.
 */
export async function fileAgeSeconds(
  fileSystem: FileSystem,
  path: string,
  clock: Clock,
): Promise<number | undefined> {
  const modifiedMs = await fileTimeMs(fileSystem, path)
  return modifiedMs === undefined ? undefined : Math.floor(Math.abs(clock.now() - modifiedMs) / 1000)
}

/** When a file was last written, in milliseconds since 1970, or undefined if it is gone. */
export async function fileTimeMs(fileSystem: FileSystem, path: string): Promise<number | undefined> {
  try {
    return (await fileSystem.stat(path)).modifiedMs
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function compare(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
  expected: string | undefined,
): Promise<void> {
  const value = await readRefValue(fileSystem, gitDirectory, ref)
  if (value?.kind === 'symbolic') throw new InvalidRefError(ref, `points at ${value.target}: change that ref`)
  if (value?.oid !== expected) throw new RefMovedError(ref, expected, value?.oid)
}

async function overwrite(file: File, text: string): Promise<void> {
  await writeFully(file, Buffer.from(text))
  await file.sync()
}

/** Whoever made the folders may not have synced them. */
async function syncParents(fileSystem: FileSystem, gitDirectory: string, ref: string): Promise<void> {
  await Promise.all(foldersOf(gitDirectory, ref).map((path) => fileSystem.syncDirectory(path)))
}

/** All folders that a ref lies in, from the git directory on. */
function foldersOf(gitDirectory: string, ref: string): string[] {
  const folders = ref.split('/').slice(0, -1)
  return [gitDirectory, ...folders.map((_, at) => [gitDirectory, ...folders.slice(0, at + 1)].join('/'))]
}
