import { formatTime } from '../../event/time.ts'
import { type ParsedPoint, type PointInTime, parsePoint } from '../../image/point-in-time.ts'
import { BatchSource } from '../../log/batch-source.ts'
import { CommitNotFoundError, EventNotFoundError, OtherLogError } from '../../log/errors.ts'
import { type Examined, examine } from '../../log/examination.ts'
import { LogIndex } from '../../log/log-index.ts'
import { moveRef } from '../../log/ref-move.ts'
import { unpack } from '../../repository/bundle.ts'
import { createRepository } from '../../repository/creation.ts'
import { syncPackNames } from '../../repository/durable-file.ts'
import { DiskFullError } from '../../repository/errors.ts'
import { GitFailedError } from '../../repository/git-process-errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { openReader } from '../../repository/open-reader.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import { GitRunner } from '../../repository/runner.ts'
import type { Clock } from '../../system/clock.ts'
import { checkLine } from '../line-check.ts'
import { holdsCommit } from './ancestry.ts'
import { type BackupFolder, checkBundle } from './bundle-file.ts'
import { bundleName } from './bundle-range.ts'
import { CATALOG_NAME, type Catalog, type CatalogBundle, readCatalog } from './catalog.ts'
import { findCommitAt } from './commit-at.ts'
import { BackupDamagedError } from './errors.ts'

/** What was restored, or would be. */
export interface RestoreResult {
  /** The folder of the backup. */
  readonly directory: string
  /** The repository. */
  readonly path: string
  /** The log's identity and name. */
  readonly log: string
  readonly name: string
  /** The branch, and the commit it stands at. */
  readonly branch: string
  readonly commit: string
  /** Position of the last event, 0 for a log without events, and when it was recorded. */
  readonly position: number
  readonly time: string | undefined
  /** Names of the bundles that were read, and their bytes. */
  readonly bundles: readonly string[]
  readonly bytes: number
  /** Position of the last event of the whole backup. */
  readonly latest: number
}

export interface RestoringOptions extends TransferOptions {
  readonly at?: PointInTime | undefined
  /** Told how many events of how many were checked. */
  readonly onChecked?: ((done: number, total: number) => void) | undefined
  readonly clock: Clock
}

/**
 * Does something with a backup; again if a file was missing because the backup went on meanwhile, and
 * merged it into another.
 */
export async function withCatalog<Result>(
  folder: BackupFolder,
  work: (catalog: Catalog) => Promise<Result>,
): Promise<Result> {
  for (;;) {
    const catalog = await readCatalog(folder.directory, folder.fileSystem)
    try {
      return await work(catalog)
    } catch (error) {
      if (!(error instanceof BackupDamagedError)) throw error
      const now = await readCatalog(folder.directory, folder.fileSystem)
      if (JSON.stringify(now) === JSON.stringify(catalog)) throw error
    }
  }
}

/**
 * Makes a repository of a backup. Everything in it is checked as what a stranger sent: the files against the
 * catalog, the objects by git, the log as closely as an append. The branch is set at the end.
 *
 * @param path where there is nothing yet; whoever calls removes what a failure leaves
 * @throws BackupDamagedError, EventNotFoundError, CommitNotFoundError, UsageError
 * @throws MergeCommitError, HistoryChangedError, InvalidBatchError, UnexpectedEntryError, NotALogError, ManifestError, NewerFormatError
 * @throws DiskFullError, PermissionDeniedError, FileFailedError, GitMissingError, GitFailedError
 */
export async function restoreInto(
  path: string,
  folder: BackupFolder,
  catalog: Catalog,
  { at, onChecked, clock, ...transfer }: RestoringOptions,
): Promise<RestoreResult> {
  const { directory, fileSystem } = folder
  const point = at === undefined ? undefined : parsePoint(at)
  const chain = bundlesFor(catalog, point)
  const branch = catalog.branch.slice('refs/heads/'.length)
  const repository = await createRepository(path, fileSystem, { branch })
  const { gitDirectory } = repository
  await using runner = new GitRunner({ repository })
  for (const bundle of chain) await unpackBundle(folder, catalog, bundle, { path, runner }, transfer)

  await using reader = await openReader({ gitDirectory, runner, engine: 'git' })
  const refuse = (cause?: unknown): never => {
    throw new BackupDamagedError(directory, CATALOG_NAME, 'does not say what its bundles hold', { cause })
  }
  const { signal, onProgress } = transfer
  const held = { logId: catalog.log, reader, source: new BatchSource(reader), signal }
  const check = (commit: string): Promise<Examined> =>
    examine(commit, { ...held, branch: undefined, index: new LogIndex(), onProgress: onChecked })
  const newest = chain.at(-1)!
  await checkLine(newest.commit, { ...held, before: undefined, onProgress }).catch((error: unknown) => {
    if (error instanceof OtherLogError) refuse(error)
    throw error
  })
  const whole = await check(newest.commit)
  const { last, time } = newest
  if (whole.after.position !== last || timeOf(whole) !== time) refuse()
  const commit = await commitFor(point, whole, { runner, reader })
  const restored = commit === newest.commit ? whole : await check(commit)
  await syncPackNames(fileSystem, gitDirectory)
  await moveRef(fileSystem, gitDirectory, catalog.branch, { expected: undefined, next: commit }, clock)
  return {
    directory,
    path,
    log: catalog.log,
    name: catalog.name,
    branch: catalog.branch,
    commit,
    position: restored.after.position,
    time: timeOf(restored),
    bundles: chain.map(bundleName),
    bytes: chain.reduce((sum, { bytes }) => sum + bytes, 0),
    latest: catalog.bundles.at(-1)!.last,
  }
}

/**
 * Checks a bundle and takes its objects into a repository. No ref moves.
 *
 * @throws BackupDamagedError, DiskFullError, PermissionDeniedError, FileFailedError, GitFailedError for a git that was stopped
 */
export async function unpackBundle(
  folder: BackupFolder,
  catalog: Catalog,
  bundle: CatalogBundle,
  { path, runner }: { readonly path: string; readonly runner: GitRunner },
  options: TransferOptions,
): Promise<void> {
  const pack = await checkBundle(folder, catalog.branch, bundle, options.signal)
  try {
    await unpack(runner, pack, options)
  } catch (cause) {
    // One that was stopped for its silence, or killed, has refused nothing.
    if (!(cause instanceof GitFailedError) || cause.exitCode === null) throw cause
    if (/No space left on device|Out of diskspace|Disk quota exceeded/.test(cause.stderr)) {
      throw new DiskFullError(path, { cause })
    }
    throw new BackupDamagedError(folder.directory, bundleName(bundle), 'git refuses what it holds', { cause })
  }
}

/** When the last event was recorded. */
function timeOf({ after: { position }, index }: Examined): string | undefined {
  return position === 0 ? undefined : formatTime(index.time(position))
}

/** The bundles up to the first that holds what comes after a point. @throws EventNotFoundError */
function bundlesFor({ bundles }: Catalog, point: ParsedPoint | undefined): readonly CatalogBundle[] {
  if (point === undefined || point.kind === 'commit') return bundles
  const isEnough = ({ last, time = '' }: CatalogBundle) =>
    point.kind === 'position' ? last >= point.position : Date.parse(time) > point.timeMs
  const enough = bundles.findIndex(isEnough)
  if (enough !== -1) return bundles.slice(0, enough + 1)
  if (point.kind === 'position') throw new EventNotFoundError(point.position, bundles.at(-1)!.last)
  return bundles
}

interface Tools {
  readonly runner: GitRunner
  readonly reader: GitReader
}

/** @throws CommitNotFoundError */
async function commitFor(
  point: ParsedPoint | undefined,
  { after, index }: Examined,
  tools: Tools,
): Promise<string> {
  const head = after.commit
  if (point === undefined) return head
  if (point.kind === 'commit') {
    if (await holdsCommit(head, point.commit, tools.reader)) return point.commit
    throw new CommitNotFoundError(point.commit)
  }
  const position = point.kind === 'position' ? point.position : index.positionAt(point.timeMs)
  if (position >= after.position) return head
  return findCommitAt(position, head, tools)
}
