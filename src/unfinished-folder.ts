import { rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { uuidGenerator } from './event/ids.ts'
import { timeOf } from './event/time.ts'
import type { Ports } from './ports.ts'
import { missingParents } from './repository/creation.ts'
import { createFile, fileError } from './repository/durable-file.ts'
import { currentProcess, isRunning } from './system/process-identity.ts'

/**
 * Fills a folder beside its place, and puts it there once it is whole: one that was cut short would be taken for what
 * it was to be. If it fails, nothing is left; what a process that was killed left is removed by the next one.
 *
 * @throws what `fill` throws; PermissionDeniedError, DiskFullError, FileFailedError
 */
export async function inUnfinishedFolder<Result>(
  target: string,
  ports: Ports,
  fill: (path: string) => Promise<Result>,
): Promise<Result> {
  const { fileSystem, clock, random } = ports
  // Not the number of the process: one in a container has that of the one before it.
  const holder = `${target}.unfinished-${uuidGenerator(random)(clock.now())}`
  const path = `${holder}/${basename(target)}`
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
async function makeHolder(target: string, holder: string, ports: Ports): Promise<void> {
  const { fileSystem, clock } = ports
  const owner = Buffer.from(JSON.stringify(currentProcess(timeOf(clock))))
  await fileSystem.makeDirectory(dirname(target))
  await removeLeft(target, ports)
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

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true })
}
