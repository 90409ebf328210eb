import { basename } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
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
const UNFINISHED_PACK = /^tmp_pack_/
/** Small, written beside a pack, and renamed once that is synced too: whoever waits for a slow disk has it closed. */
const BESIDE_PACK = /^tmp_(idx|rev)_/
/** Where nobody can tell that a file is still needed: no fetch pauses for so long and goes on. */
const GIVEN_UP_AFTER_SECONDS = 3600
/** Twice what makes a lock old enough to be judged. */
const LONGEST_WAIT_MS = 10_000
const PAUSE_MS = 200

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
  const paths = await findLeftBehind(fileSystem, gitDirectory)
  let removed = 0
  for (const path of paths) {
    const afterSeconds = BESIDE_PACK.test(basename(path)) ? GIVEN_UP_AFTER_SECONDS : STALE_AFTER_SECONDS
    if (!(await isAbandoned(fileSystem, gitDirectory, path, clock, afterSeconds))) continue
    if (UNFINISHED_PACK.test(basename(path)) && (await isOneBeingWritten(gitDirectory, paths))) continue
    await removeQuietly(fileSystem, path)
    removed++
  }
  return removed
}

/** Whether some file beside a pack is still being written: the pack may be closed, and wait for it. */
async function isOneBeingWritten(gitDirectory: string, paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    if (!BESIDE_PACK.test(basename(path))) continue
    const owners = await findOwners(gitDirectory, path)
    if (owners !== undefined && owners.length > 0) return true
  }
  return false
}

/**
 * The same before maintenance, which no lock must stop: waits until none is there. A git gives its own back, as does one
 * that outlives the process that started it, and one that was left a moment ago is first to get so old that it can
 * be told from theirs. After 10 s it is git's to say whose it is.
 *
 * @throws the signal's reason
 */
export async function clearForMaintenance(
  fileSystem: FileSystem,
  gitDirectory: string,
  signal?: AbortSignal,
): Promise<void> {
  for (let waited = 0; ; waited += PAUSE_MS) {
    await removeAbandonedFiles(fileSystem, gitDirectory)
    const left = await findLeftBehind(fileSystem, gitDirectory)
    if (!left.some((path) => path.endsWith('.lock')) || waited >= LONGEST_WAIT_MS) return
    signal?.throwIfAborted()
    await wait(PAUSE_MS)
  }
}

/**
 * Removes what killed processes left of an object, or of a file that they were about to replace: of ours, and of git's.
 * Returns how many files those were.
 *
 * Such a file gets its name within moments, and may be closed before: so its age counts, and whether somebody has it
 * open. A process that stood still for an hour fails to rename it, and writes it anew.
 */
export async function removeOldTemporaries(
  fileSystem: FileSystem,
  gitDirectory: string,
  clock: Clock = systemClock,
): Promise<number> {
  let removed = 0
  for (const folder of TEMPORARY_FOLDERS) {
    const path = `${gitDirectory}/${folder}`
    for (const name of await fileSystem.list(path).catch(noneIfMissing)) {
      if (!name.startsWith('tmp_obj_')) continue
      const file = `${path}/${name}`
      if (!(await isAbandoned(fileSystem, gitDirectory, file, clock, GIVEN_UP_AFTER_SECONDS))) continue
      await removeQuietly(fileSystem, file)
      removed++
    }
  }
  return removed
}

/** Ours lie beside the file that they become, objects in `objects/`; git's, of an object, in its folder there. */
const TEMPORARY_FOLDERS = [
  '.',
  'memoir',
  'memoir/snapshots',
  'memoir/remotes',
  'objects',
  ...Array.from({ length: 256 }, (_, byte) => `objects/${byte.toString(16).padStart(2, '0')}`),
]

async function findLeftBehind(fileSystem: FileSystem, gitDirectory: string): Promise<string[]> {
  const found: string[] = []
  for (const { folder, name: pattern } of LEFT_BEHIND) {
    const path = `${gitDirectory}/objects/${folder}`
    const names = await fileSystem.list(path).catch(noneIfMissing)
    found.push(...names.filter((name) => pattern.test(name)).map((name) => `${path}/${name}`))
  }
  return found
}

/** None of a folder that is not there, and of what is none: git passes over it as well. */
function noneIfMissing(error: unknown): string[] {
  if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return []
  throw error
}

async function isAbandoned(
  fileSystem: FileSystem,
  gitDirectory: string,
  path: string,
  clock: Clock,
  afterSeconds: number,
): Promise<boolean> {
  const ageSeconds = (await fileAgeSeconds(fileSystem, path, clock)) ?? 0
  if (ageSeconds < afterSeconds) return false
  const owners = await findOwners(gitDirectory, path)
  return owners === undefined ? ageSeconds >= GIVEN_UP_AFTER_SECONDS : owners.length === 0
}
