import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LogLockedError } from './log/errors.ts'
import { ownDirectory } from './log/log-repository.ts'
import { WriterLock } from './log/writer-lock.ts'
import { missingParents } from './repository/creation.ts'
import { errorCode } from './repository/durable-file.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { findRepository } from './repository/location.ts'
import { systemClock } from './system/clock.ts'
import { nodeFileSystem } from './system/file-system.ts'
import { isLink } from './system/links.ts'

/**
 * Does something that fills a folder which does not exist yet, or is free. If it fails, nothing is left in it.
 * A folder that was there stays: it may be a mounted one, or a link, and has an owner and a mode.
 *
 * @param isFree whether a folder that is not empty is free all the same. Default: it is not
 * @throws NotARepositoryError when the folder is taken
 */
export async function inNewFolder<Result>(
  path: string,
  fill: () => Promise<Result>,
  isFree?: (folder: string) => Promise<boolean>,
): Promise<Result> {
  if (await isFreeFolder(path, isFree)) return fillOrClear(path, fill, empty)
  const parents = await claim(path, path)
  const fillNew = async () => {
    for (const parent of parents) await nodeFileSystem.syncDirectory(parent)
    return fill()
  }
  return fillOrClear(path, fillNew, remove)
}

/**
 * Fills a folder that is there and empty with a repository. Of several who do so at once, one has it; if that one
 * fails, nothing is left in it.
 *
 * @throws NotARepositoryError when the folder is taken
 */
export async function inEmptyFolder<Result>(path: string, fill: () => Promise<Result>): Promise<Result> {
  await claim(path, join(path, FIRST))
  if ((await readdir(path)).some((name) => name !== FIRST)) {
    await rmdir(join(path, FIRST)).catch(() => undefined)
    throw await taken(path)
  }
  return fillOrClear(path, fill, empty)
}

/** Fills a folder, and clears it if that fails, but for what others have made there. */
async function fillOrClear<Result>(
  path: string,
  fill: () => Promise<Result>,
  clear: (path: string) => Promise<void>,
): Promise<Result> {
  try {
    return await fill()
  } catch (error) {
    const isTheirs = isOfOthers(error) || (await isHeld(path))
    // Why it failed says more than why something of it is left.
    if (!isTheirs) await clear(path).catch(() => undefined)
    throw error
  }
}

/** Whoever makes it has the folder. */
const FIRST = 'objects'

/**
 * Makes a folder that nobody else has made, and its parents. Whatever else is in its way, filling it tells.
 *
 * @returns the folders that got a new name
 * @throws NotARepositoryError
 */
async function claim(path: string, first: string): Promise<readonly string[]> {
  try {
    const parents = await missingParents(nodeFileSystem, first)
    await nodeFileSystem.makeDirectory(dirname(first))
    await mkdir(first)
    return parents
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw await taken(path)
    return []
  }
}

/** Whether it says that somebody else is at work in the folder: what is there is theirs. */
function isOfOthers(error: unknown): boolean {
  return error instanceof LogLockedError || error instanceof NotARepositoryError
}

/** Whether somebody writes to the log that is there now. */
async function isHeld(path: string): Promise<boolean> {
  const found = await findRepository(path, nodeFileSystem).catch(() => undefined)
  if (found === undefined) return false
  const owner = WriterLock.findOwner(ownDirectory(found), nodeFileSystem, systemClock)
  return (await owner.catch(() => undefined))?.isRunning ?? false
}

/** Whether there is a free folder. @throws NotARepositoryError when there is anything else */
export async function isFreeFolder(
  path: string,
  isFree = async (_folder: string) => false,
): Promise<boolean> {
  try {
    if ((await readdir(path)).length > 0 && !(await isFree(path))) throw await taken(path)
    return true
  } catch (error) {
    if (error instanceof NotARepositoryError) throw error
    const code = errorCode(error)
    if (code === 'ENOENT' && (await isLink(path))) {
      throw new NotARepositoryError(path, 'it is a link that leads nowhere', { isTaken: true })
    }
    if (code === 'ENOENT') return false
    throw new NotARepositoryError(path, `it is no folder that can be read (${code})`, { isTaken: true })
  }
}

/** Says what is there already, where that is what a process left that was killed. */
async function taken(path: string): Promise<NotARepositoryError> {
  const found = await findRepository(path, nodeFileSystem).catch(() => undefined)
  const isHere = found?.workTree === undefined && found?.path === resolve(path)
  if (!isHere || (await hasBranches(found.gitDirectory))) {
    return new NotARepositoryError(path, 'it is not empty', { isTaken: true })
  }
  return new NotARepositoryError(
    path,
    'it holds a repository without a branch, which is what a restore or a clone leaves that was killed',
    {
      isTaken: true,
      hint: 'If nothing else is at work there, empty the folder or remove it, and do it again.',
    },
  )
}

async function hasBranches(gitDirectory: string): Promise<boolean> {
  const names = await readdir(join(gitDirectory, 'refs/heads')).catch(() => [])
  return names.length > 0 || existsSync(join(gitDirectory, 'packed-refs'))
}

async function empty(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== FIRST)
  for (const name of names) await remove(join(folder, name))
  // From then on it may be somebody else's.
  await remove(join(folder, FIRST))
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true })
}
