import { type Clock, systemClock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { errorCode, removeQuietly } from './durable-file.ts'
import { findOwners, STALE_AFTER_SECONDS } from './ref-lock.ts'
import { fileAgeSeconds } from './ref-update.ts'

/** What a git that was killed, or lost its power, leaves below `objects/`, by folder. */
const LEFT_BEHIND = [
  // Packs that were not finished, and a lock that keeps any later multi-pack-index from being written.
  { folder: 'pack', name: /^tmp_(pack|idx|rev)_|^multi-pack-index\.lock$/ },
  { folder: 'info/commit-graphs', name: /^tmp_graph_|^commit-graph-chain\.lock$/ },
]
/** Where the system does not tell who has a file open: no fetch pauses for so long and goes on. */
const GIVEN_UP_AFTER_SECONDS = 3600

/**
 * Removes the unfinished packs of fetches that broke off, and what stopped maintenance leaves. Returns how many
 * files those were.
 *
 * Git leaves a pack behind for each fetch that is cut while objects come, as large as what had come, and only
 * its gc, which never runs here, would remove them: a bad network would fill the disk. A lock that is left stops
 * maintenance for good.
 */
export async function removeAbandonedFiles(
  fileSystem: FileSystem,
  gitDirectory: string,
  clock: Clock = systemClock,
): Promise<number> {
  let removed = 0
  for (const { folder, name: pattern } of LEFT_BEHIND) {
    const names = await fileSystem.list(`${gitDirectory}/objects/${folder}`).catch(noneIfMissing)
    for (const name of names.filter((name) => pattern.test(name))) {
      const path = `${gitDirectory}/objects/${folder}/${name}`
      if (!(await isAbandoned(fileSystem, gitDirectory, path, clock))) continue
      await removeQuietly(fileSystem, path)
      removed++
    }
  }
  return removed
}

function noneIfMissing(error: unknown): string[] {
  if (errorCode(error) === 'ENOENT') return []
  throw error
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
