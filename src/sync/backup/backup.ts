import { resolve } from 'node:path'
import { UsageError } from '../../event/errors.ts'
import { formatTime } from '../../event/time.ts'
import type { BatchSource } from '../../log/batch-source.ts'
import { readBranchState } from '../../log/branch.ts'
import { LogLockedError } from '../../log/errors.ts'
import type { LogState } from '../../log/log-state.ts'
import { WriterLock } from '../../log/writer-lock.ts'
import { BundleWriter } from '../../repository/bundle.ts'
import { removeQuietly, replaceFile } from '../../repository/durable-file.ts'
import { UnsupportedRepositoryError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import type { Manifest } from '../../repository/manifest.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import type { Repository } from '../../repository/repository.ts'
import { findCut, readShallow } from '../../repository/shallow.ts'
import type { Clock } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { onAbort } from '../../system/on-abort.ts'
import { checkLine } from '../line-check.ts'
import { holdsCommit } from './ancestry.ts'
import { type BackupFolder, findLost, isTemporary, storeBundle, syncNames, told } from './bundle-file.ts'
import { bundleName, isBundleName } from './bundle-range.ts'
import {
  CATALOG_NAME,
  type Catalog,
  type CatalogBundle,
  encodeCatalog,
  findCatalog,
  lostCatalog,
} from './catalog.ts'
import { liesWithin } from './containment.ts'
import { BackupForeignError, BackupLockedError } from './errors.ts'
import { planBundle } from './levels.ts'

/** What a backup wrote. */
export interface BackupResult {
  /** The folder. */
  readonly directory: string
  /** Position of the last event that it holds before and after. */
  readonly from: number
  readonly to: number
  /** The commit that it holds now. */
  readonly commit: string
  /** Name of the bundle that was written; undefined when there was nothing new. */
  readonly bundle: string | undefined
  /** How many bytes that bundle has; 0 when there was nothing new. */
  readonly bytes: number
  /** Names of the bundles that it replaced. */
  readonly replaced: readonly string[]
  /** How many bundles there are now. */
  readonly bundles: number
}

/** What is backed up. */
export interface BackedUpLog {
  readonly state: LogState
  readonly repository: Repository
  readonly manifest: Manifest
  readonly reader: GitReader
  readonly source: BatchSource
  readonly fileSystem: FileSystem
  readonly clock: Clock
}

/**
 * Adds to a backup what the branch holds more: one bundle, which takes in small ones before it. It counts
 * once it is durable under its name and the catalog names it; only then is what it replaces removed. What it rests
 * on has to be there, as long as it was written: whether it still holds the same only a restore tells.
 *
 * Needs no writer's lock of the log, only that of the backup.
 *
 * @throws UsageError for a folder within the repository
 * @throws UnsupportedRepositoryError for a shallow clone that lacks what the backup needs
 * @throws MergeCommitError, HistoryChangedError, UnexpectedEntryError, NotALogError, ManifestError, InvalidBatchError for a
 *   history that no restore takes
 * @throws BackupForeignError, BackupLockedError, BackupDamagedError, DiskFullError, PermissionDeniedError,
 *   FileFailedError, GitMissingError, GitFailedError: the backup is as it was
 */
export async function backUp(
  log: BackedUpLog,
  path: string,
  options: TransferOptions = {},
): Promise<BackupResult> {
  const folder: BackupFolder = { directory: resolve(path), fileSystem: log.fileSystem }
  await refuseWithin(log.repository.gitDirectory, folder.directory)
  const { signal } = options
  await givenUp.get(folder.directory)
  signal?.throwIfAborted()
  const work = backUpInto(folder, log, options)
  const forget = () => void givenUp.delete(folder.directory)
  const giveUp = () => void givenUp.set(folder.directory, work.then(forget, forget))
  const stopListening = onAbort(signal, giveUp)
  try {
    return await work
  } catch (error) {
    throw told(folder.directory, error)
  } finally {
    stopListening()
  }
}

/** By its folder the end of a backup that was cut off: until then it holds the lock, which nobody waits for any more. */
const givenUp = new Map<string, Promise<void>>()

/** What lies in the repository goes with it. @throws UsageError */
async function refuseWithin(gitDirectory: string, directory: string): Promise<void> {
  if (!(await liesWithin(directory, gitDirectory))) return
  throw new UsageError(`${directory} lies in the repository that is to be backed up`, {
    hint: 'Name a folder elsewhere, on another disk best.',
  })
}

async function backUpInto(
  folder: BackupFolder,
  log: BackedUpLog,
  options: TransferOptions,
): Promise<BackupResult> {
  // Of the branch as it stands now: it may move while we work, and hold other events then.
  const { branch, index } = log.state
  const { commit, position } = branch
  const target = { commit, position, ...(position > 0 && { time: formatTime(index.time(position)) }) }
  const before = await checkCatalog(folder, log, target)
  const isAt = ({ bundles }: Catalog) => bundles.at(-1)?.last === target.position
  if (before !== undefined && isAt(before) && (await findLost(folder, before)) === undefined) {
    return nothingNew(folder, before)
  }
  await log.fileSystem.makeDirectory(folder.directory)
  const lock = await acquireLock(folder, log.clock)
  try {
    // Another backup may just have been made, and have merged what seemed lost.
    const catalog = await checkCatalog(folder, log, target)
    const lost = catalog && (await findLost(folder, catalog))
    if (lost !== undefined) throw lost
    if (catalog !== undefined && isAt(catalog)) return nothingNew(folder, catalog)
    const { id, name } = log.manifest
    await checkHistory(log, target, catalog?.bundles.at(-1)?.commit, options)
    // Meanwhile another folder may have come in its place, as where disks take turns.
    await lock.check()
    const start: Catalog = { format: 1, log: id, name, branch: log.repository.branch, bundles: [] }
    return await extend(folder, lock, log, catalog ?? (await begin(folder, start)), target, options)
  } finally {
    await lock.release()
  }
}

interface Target {
  readonly commit: string
  readonly position: number
  /** When its last event was recorded, if there is one. */
  readonly time?: string
}

/**
 * The catalog, if this log is what it is about, and has what is to be added.
 *
 * @throws BackupForeignError, UnsupportedRepositoryError
 */
async function checkCatalog(
  { directory, fileSystem }: BackupFolder,
  log: BackedUpLog,
  target: Target,
): Promise<Catalog | undefined> {
  const { manifest, reader } = log
  const catalog = await findCatalog(directory, fileSystem)
  if (catalog !== undefined && catalog.log !== manifest.id) {
    throw new BackupForeignError(directory, `is of another log, "${catalog.name}" (${catalog.log})`)
  }
  const newest = catalog?.bundles.at(-1)
  if (newest !== undefined && newest.last > target.position) {
    const what = `reaches position ${newest.last}, the log ends at ${target.position}`
    throw new BackupForeignError(directory, what)
  }
  await refuseCutOff(log, target, catalog?.bundles ?? [])
  if (newest === undefined) return catalog
  if (!(await holdsCommit(target.commit, newest.commit, reader))) {
    const what = `holds commit ${newest.commit}, which is not in the log: its history was rewritten`
    throw new BackupForeignError(directory, what)
  }
  return catalog
}

/** Of a shallow clone the bundle may need commits that it lacks. @throws UnsupportedRepositoryError */
async function refuseCutOff(
  { repository: { gitDirectory }, reader, fileSystem }: BackedUpLog,
  { commit, position }: Target,
  bundles: readonly CatalogBundle[],
): Promise<void> {
  const shallow = await readShallow(gitDirectory, fileSystem)
  const after = planBundle(bundles, position).kept.at(-1)?.commit
  const cut = await findCut(shallow, commit, after, reader)
  if (cut === undefined) return
  const what = `the history of a shallow clone, cut off at commit ${cut}, for a backup`
  throw new UnsupportedRepositoryError(gitDirectory, what, {
    hint: 'Run "git fetch --unshallow" in it, or back up a whole clone.',
  })
}

/**
 * Of what would be new, each commit: with a merge among them, or one that takes events away, as git makes them by hand, nobody
 * could restore the backup.
 *
 * @param since what the backup holds already
 * @throws MergeCommitError, HistoryChangedError and what else `checkLine` throws
 */
async function checkHistory(
  { reader, source, manifest }: BackedUpLog,
  { commit }: Target,
  since: string | undefined,
  { signal, onProgress }: TransferOptions,
): Promise<void> {
  const before = since === undefined ? undefined : await readBranchState(since, reader, source)
  await checkLine(commit, { before, logId: manifest.id, reader, source, signal, onProgress })
}

async function acquireLock({ directory, fileSystem }: BackupFolder, clock: Clock): Promise<WriterLock> {
  try {
    return await WriterLock.acquire(directory, fileSystem, clock)
  } catch (error) {
    throw error instanceof LogLockedError ? new BackupLockedError(error.path, error.owner) : error
  }
}

/** Puts a catalog without bundles into a folder: from now on it belongs to this log. */
async function begin(folder: BackupFolder, catalog: Catalog): Promise<Catalog> {
  const names = await folder.fileSystem.list(folder.directory)
  if (names.some(isBundleName)) throw lostCatalog(folder.directory)
  await writeCatalog(folder, catalog)
  return catalog
}

async function extend(
  folder: BackupFolder,
  lock: WriterLock,
  { repository, fileSystem }: BackedUpLog,
  catalog: Catalog,
  { commit, position, ...timed }: Target,
  options: TransferOptions,
): Promise<BackupResult> {
  await removeLeftovers(folder, catalog)
  const { first, last, kept, replaced } = planBundle(catalog.bundles, position)
  const content = { branch: catalog.branch, commit, after: kept.at(-1)?.commit }
  await using writer = await BundleWriter.open(repository, content)
  const stored = await storeBundle(folder, { first, last }, writer, options)
  const bundle: CatalogBundle = { first, last, commit, ...timed, ...stored }
  const bundles = [...kept, bundle]
  await lock.check()
  await writeCatalog(folder, { ...catalog, bundles })
  await lock.check()
  for (const old of replaced) await removeQuietly(fileSystem, `${folder.directory}/${bundleName(old)}`)
  return {
    directory: folder.directory,
    from: catalog.bundles.at(-1)?.last ?? 0,
    to: last,
    commit,
    bundle: bundleName(bundle),
    bytes: stored.bytes,
    replaced: replaced.map(bundleName),
    bundles: bundles.length,
  }
}

async function writeCatalog(folder: BackupFolder, catalog: Catalog): Promise<void> {
  const { directory, fileSystem } = folder
  await replaceFile(fileSystem, `${directory}/${CATALOG_NAME}`, Buffer.from(encodeCatalog(catalog)))
  await syncNames(folder)
}

/** Removes what a backup left that was cut short. Files of any other name stay. */
async function removeLeftovers({ directory, fileSystem }: BackupFolder, { bundles }: Catalog): Promise<void> {
  const listed = new Set(bundles.map(bundleName))
  for (const name of await fileSystem.list(directory)) {
    const isLeft =
      isTemporary(name) || (isBundleName(name) && !listed.has(name)) || name.startsWith('tmp_obj_')
    if (isLeft) await removeQuietly(fileSystem, `${directory}/${name}`)
  }
}

function nothingNew({ directory }: BackupFolder, { bundles }: Catalog): BackupResult {
  const { last, commit } = bundles.at(-1)!
  return {
    directory,
    from: last,
    to: last,
    commit,
    bundle: undefined,
    bytes: 0,
    replaced: [],
    bundles: bundles.length,
  }
}
