import { readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { missingParents } from './repository/creation.ts'
import { createFile, fileError } from './repository/durable-file.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { findRepository } from './repository/location.ts'
import type { Clock } from './system/clock.ts'
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
  try {
    return await fill()
  } catch (error) {
    // Why it failed says more than why something of it is left.
    await (existed ? empty(path) : remove(path)).catch(() => undefined)
    throw error
  }
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
    const { code } = error as NodeJS.ErrnoException
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
  return names.length > 0 || (await isThere(join(gitDirectory, 'packed-refs')))
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
  { fileSystem, clock }: { readonly fileSystem: FileSystem; readonly clock: Clock },
  fill: (path: string) => Promise<Result>,
): Promise<Result> {
  const holder = `${target}.unfinished-${id}`
  const path = `${holder}/${basename(target)}`
  const failed = (cause: unknown) => {
    throw fileError(target, cause)
  }
  try {
    const parents = await missingParents(fileSystem, target)
    await makeHolder(target, holder, { fileSystem, clock }).catch(failed)
    const result = await fill(path)
    try {
      await fileSystem.rename(path, target)
      for (const parent of parents) await fileSystem.syncDirectory(parent)
    } catch (cause) {
      // What is not here any more is there, whatever the rename said.
      if (!(await isThere(path))) await remove(target)
      failed(cause)
    }
    return result
  } finally {
    await remove(holder)
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

const OWNER = 'owner.json'

/** Makes the folder beside the place, which says whose it is, and removes what killed processes left there. */
async function makeHolder(
  target: string,
  holder: string,
  { fileSystem, clock }: { readonly fileSystem: FileSystem; readonly clock: Clock },
): Promise<void> {
  await fileSystem.makeDirectory(dirname(target))
  await removeLeft(target, fileSystem)
  await fileSystem.makeDirectory(holder)
  const owner = Buffer.from(JSON.stringify(currentProcess(clock.now())))
  await createFile(fileSystem, `${holder}/${OWNER}`, owner)
}

async function removeLeft(target: string, fileSystem: FileSystem): Promise<void> {
  const names = await fileSystem.list(dirname(target))
  for (const name of names.filter((one) => one.startsWith(`${basename(target)}.unfinished-`))) {
    const holder = `${dirname(target)}/${name}`
    if (await isLeft(holder, fileSystem)) await remove(holder)
  }
}

async function isLeft(holder: string, fileSystem: FileSystem): Promise<boolean> {
  try {
    return !isRunning(JSON.parse((await fileSystem.readFile(`${holder}/${OWNER}`)).toString('utf8')))
  } catch {
    // It is being made, or none of ours.
    return false
  }
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await remove(join(folder, name))
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true })
}
