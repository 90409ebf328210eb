import { type Clock, systemClock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { removeQuietly } from './durable-file.ts'
import { findOwners, STALE_AFTER_SECONDS } from './ref-lock.ts'
import { fileAgeSeconds } from './ref-update.ts'

/** What index-pack writes to before a pack is whole. */
const UNFINISHED = /^tmp_(pack|idx|rev)_/
/** Where the system does not tell who has a file open: no fetch pauses for so long and goes on. */
const GIVEN_UP_AFTER_SECONDS = 3600

/**
 * Removes the unfinished packs of fetches that broke off, and returns how many those were.
 *
 * Git leaves one behind for each fetch that is cut while objects come, as large as what had come, and only
 * its gc, which never runs here, would remove them: a bad network would fill the disk.
 */
export async function removeAbandonedPacks(
  fileSystem: FileSystem,
  gitDirectory: string,
  clock: Clock = systemClock,
): Promise<number> {
  const folder = `${gitDirectory}/objects/pack`
  const names = (await fileSystem.list(folder)).filter((name) => UNFINISHED.test(name))
  let removed = 0
  for (const name of names) {
    const path = `${folder}/${name}`
    if (!(await isAbandoned(fileSystem, gitDirectory, path, clock))) continue
    await removeQuietly(fileSystem, path)
    removed++
  }
  return removed
}

async function isAbandoned(
  fileSystem: FileSystem,
  gitDirectory: string,
  path: string,
  clock: Clock,
): Promise<boolean> {
  const ageSeconds = (await fileAgeSeconds(fileSystem, path, clock)) ?? 0
  if (ageSeconds < STALE_AFTER_SECONDS) return false
  const owners = await findOwners(gitDirectory, path)
  return owners === undefined ? ageSeconds >= GIVEN_UP_AFTER_SECONDS : owners.length === 0
}
