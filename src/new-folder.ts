import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { timeOf } from './event/time.ts'
import { LogLockedError } from './log/errors.ts'
import { ownDirectory } from './log/log-repository.ts'
import { WriterLock } from './log/writer-lock.ts'
import { missingParents } from './repository/creation.ts'
import { createFile, errorCode, fileError } from './repository/durable-file.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { findRepository } from './repository/location.ts'
import { type Clock, systemClock } from './system/clock.ts'
import { type FileSystem, nodeFileSystem } from './system/file-system.ts'
import { currentProcess, isRunning } from './system/process-identity.ts'

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
  const existed = await isFreeFolder(path, isFree)
  const parents = existed ? [] : await claim(path, path)
  try {
    for (const parent of parents) await nodeFileSystem.syncDirectory(parent)
    return await fill()
  } catch (error) {
    const isTheirs = isOfOthers(error) || (await isHeld(path))
    // Why it failed says more than why something of it is left.
    if (!isTheirs) await (existed ? empty(path) : remove(path)).catch(() => undefined)
    throw error
  }
}

/**
 * Fills a folder with a repository that is there and empty. Of several who do so at once, one has it; if that one
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
  return inNewFolder(path, fill, async () => true)
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
  return owner.then(
    (running) => running?.isRunning ?? false,
    () => false,
  )
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
  return names.length > 0 || (await identityOf(join(gitDirectory, 'packed-refs'))) !== undefined
}

interface Ports {
  readonly fileSystem: FileSystem
  readonly clock: Clock
}

/**
 * Fills a folder beside its place, and puts it there once it is whole: one that was cut short would be taken for what
 * it was to be. If it fails, nothing is left; what a process that was killed left is removed by the next one.
 *
 * @param id not given before: a process in a container has the number of the one before it
 * @throws what `fill` throws; PermissionDeniedError, DiskFullError, FileFailedError
 */
export async function inUnfinishedFolder<Result>(
  target: string,
  id: string,
  ports: Ports,
  fill: (path: string) => Promise<Result>,
): Promise<Result> {
  const holder = `${target}.unfinished-${id}`
  const path = `${holder}/${basename(target)}`
  const { fileSystem } = ports
  const failed = (cause: unknown) => {
    throw fileError(target, cause)
  }
  try {
    const parents = await missingParents(fileSystem, target).catch(failed)
    await makeHolder(target, holder, ports).catch(failed)
    const result = await fill(path)
    const filled = await identityOf(path)
    try {
      await fileSystem.rename(path, target)
      for (const parent of parents) await fileSystem.syncDirectory(parent)
    } catch (cause) {
      // It may be there, whatever the rename said. What somebody else put there stays.
      if (filled !== undefined && (await identityOf(target)) === filled) await remove(target)
      failed(cause)
    }
    return result
  } finally {
    await removeHolder(target, holder)
  }
}

/** Tells a folder from all others, also under another name; undefined where there is none. */
function identityOf(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}/${ino}`,
    () => undefined,
  )
}

const OWNER = 'owner.json'
/** A folder that does not say whose it is for so long is not being made any more. */
const NAMED_AFTER_MS = 60 * 60 * 1000

/** Makes the folder beside the place, which says whose it is, and removes what killed processes left there. */
async function makeHolder(target: string, holder: string, { fileSystem, clock }: Ports): Promise<void> {
  const owner = Buffer.from(JSON.stringify(currentProcess(timeOf(clock))))
  await fileSystem.makeDirectory(dirname(target))
  await removeLeft(target, { fileSystem, clock })
  await fileSystem.makeDirectory(holder)
  await createFile(fileSystem, `${holder}/${OWNER}`, owner)
}

async function removeLeft(target: string, ports: Ports): Promise<void> {
  const names = await ports.fileSystem.list(dirname(target))
  for (const name of names.filter((one) => one.startsWith(`${basename(target)}.unfinished-`))) {
    const holder = `${dirname(target)}/${name}`
    if (await isLeft(holder, ports)) await removeHolder(target, holder)
  }
}

/** What it holds first: the rest of a removal that is cut short still says whose it is. */
async function removeHolder(target: string, holder: string): Promise<void> {
  await remove(`${holder}/${basename(target)}`)
  await remove(holder)
}

async function isLeft(holder: string, ports: Ports): Promise<boolean> {
  try {
    return !isRunning(JSON.parse((await ports.fileSystem.readFile(`${holder}/${OWNER}`)).toString('utf8')))
  } catch {
    // It is being made, or its maker was killed before it wrote whose it is, or it is none of ours.
    return hasStayedUnnamed(holder, ports).catch(() => false)
  }
}

async function hasStayedUnnamed(holder: string, { fileSystem, clock }: Ports): Promise<boolean> {
  const names = await fileSystem.list(holder)
  const { modifiedMs } = await fileSystem.stat(holder)
  // One that lies ahead of the clock is of a time when that stood wrong.
  return names.every((name) => name === OWNER) && Math.abs(clock.now() - modifiedMs) > NAMED_AFTER_MS
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
