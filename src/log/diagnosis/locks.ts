import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { describeRefLock, isStale, type RefLock } from '../../repository/ref-lock.ts'
import type { Repository } from '../../repository/repository.ts'
import { maintenanceDirectory, ownDirectory } from '../log-repository.ts'
import { WriterLock } from '../writer-lock.ts'
import type { Ailment, Doctor, Treatment } from './ailment.ts'

/** What git locks under the name of a ref, beside the branch: `index.lock`, `HEAD.lock` … */
const LOCKED_FILES = ['index', 'HEAD', 'packed-refs']

/** The locks of git that stand in the repository: those of a git at work, and those that one left behind. */
export async function findGitLocks(
  { gitDirectory, branch }: Repository,
  { fileSystem, clock }: Doctor,
): Promise<Ailment[]> {
  const ailments: Ailment[] = []
  for (const name of [branch, ...LOCKED_FILES]) {
    const lock = await describeRefLock(fileSystem, gitDirectory, name, clock)
    if (lock !== undefined) ailments.push(describeLock(lock))
  }
  return ailments
}

function describeLock(lock: RefLock): Ailment {
  const { path, ageSeconds, owners } = lock
  const age = `${path} is ${ageSeconds} s old`
  if (isStale(lock)) {
    const message = `${age}, and no process holds it: a git that was killed left it behind`
    return { code: 'stale-lock', severity: 'error', message, remedy: 'Removes the lock.', canFix: true, path }
  }
  if (owners === undefined) {
    const message = `${age}, and this system does not tell who holds it`
    const remedy = 'If no git is at work in this repository, remove the file.'
    return { code: 'lock-held', severity: 'warning', message, remedy, canFix: false, path }
  }
  const names = owners.map(({ pid, command }) => `${command} (process ${pid})`).join(', ')
  const message = `${age}, held by ${names || 'somebody: it is too young to be judged'}`
  const remedy = 'Wait for its end, then look again.'
  return { code: 'lock-held', severity: 'info', message, remedy, canFix: false, path }
}

/** Who writes to the log. One on another host counts as alive: nobody here can know. */
export async function findWriter(repository: Repository, { fileSystem, clock }: Doctor): Promise<Ailment[]> {
  const owner = await WriterLock.findOwner(ownDirectory(repository), fileSystem, clock)
  if (owner === undefined) return []
  const { path, pid, host, since } = owner
  const who = `process ${pid} on ${host}, since ${since}`
  if (host !== hostname()) {
    const message = `the lock of a writer on another machine stands: ${who}`
    const remedy = 'Releases the lock. Make sure first that this process does not run any more.'
    return [{ code: 'writer-elsewhere', severity: 'warning', message, remedy, canFix: true, path }]
  }
  if (owner.isRunning) {
    const remedy = 'Nothing is wrong. Close it before you mend what needs its lock.'
    return [
      {
        code: 'writer-live',
        severity: 'info',
        message: `the log is being written by ${who}`,
        remedy,
        canFix: false,
        path,
      },
    ]
  }
  const message = `the last writer did not close the log: ${who}`
  const remedy = 'Nothing is to be done: the next writer takes its lock over.'
  return [{ code: 'writer-dead', severity: 'info', message, remedy, canFix: false, path }]
}

/** Who packs the objects, where that was a process on another machine: one that died there keeps everybody else from it. */
export async function findMaintenance(
  repository: Repository,
  { fileSystem, clock }: Doctor,
): Promise<Ailment[]> {
  const owner = await WriterLock.findOwner(maintenanceDirectory(repository), fileSystem, clock)
  if (owner === undefined || owner.host === hostname()) return []
  const { path, pid, host, since } = owner
  const message = `the lock of maintenance on another machine stands: process ${pid} on ${host}, since ${since}`
  const remedy = 'Releases the lock. Make sure first that this process does not run any more.'
  return [{ code: 'maintenance-elsewhere', severity: 'warning', message, remedy, canFix: true, path }]
}

/**
 * Marks the lock of a process on another machine as released, as that process does when it is done. The file
 * stays: the numbers of locks are never used twice.
 */
export async function releaseLock({ fileSystem, clock }: Doctor, path: string): Promise<Treatment> {
  const owner = await WriterLock.findOwner(dirname(path), fileSystem, clock)
  if (owner === undefined || owner.path !== path || owner.host === hostname()) {
    return { message: 'The lock is not there any more.', moved: [] }
  }
  const bytes = Buffer.from('released\n')
  const file = await fileSystem.open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, 0)
  } finally {
    await file.close()
  }
  return { message: `The lock of process ${owner.pid} on ${owner.host} was released.`, moved: [] }
}
