import { resolve } from 'node:path'
import { Assembly } from './assembly.ts'
import { UsageError } from './event/errors.ts'
import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import type { PointInTime } from './image/time-travel.ts'
import { inEmptyFolder, isFreeFolder } from './new-folder.ts'
import type { OpenOptions } from './options.ts'
import { portsOf } from './ports.ts'
import { findRepository } from './repository/location.ts'
import { readRef } from './repository/refs.ts'
import type { TransferOptions } from './repository/remote-transfer.ts'
import { TemporaryDirectory } from './repository/temporary-directory.ts'
import type { BackupFolder } from './sync/backup/bundle-file.ts'
import { type RestoreResult, restoreInto, withCatalog } from './sync/backup/restore.ts'
import { followBackup, type StandbyStep } from './sync/backup/standby.ts'
import type { FileSystem } from './system/file-system.ts'
import { inUnfinishedFolder } from './unfinished-folder.ts'

export type { RestoreResult } from './sync/backup/restore.ts'

/** How `restore` restores. */
export interface RestoreOptions extends Pick<OpenOptions, 'ports'> {
  /** The log as of then: a position, a commit's full id, or a date. Default: all that the backup holds. */
  readonly at?: PointInTime
  /** Restore into a temporary place, say what came of it, and remove it. Default false. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
  /** Told how far git has come with a bundle. */
  readonly onTransfer?: TransferOptions['onProgress']
  /** Told how many events of how many were checked. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Brings a log back from a backup, into a new or empty folder: a bare repository with all its history.
 *
 * All that the backup holds is checked before the branch is set: files against their hashes, objects by git,
 * and the log as closely as an append. Costs about what a clone and opening the log cost together.
 *
 * With `at`, the branch stands at the last commit that holds nothing after that point. A commit is restored
 * whole or not at all: for a position in its midst, that is the commit before it; the result says where it is.
 *
 * ```ts
 * const { position } = await restore('/mnt/backup/bank', 'bank.git')
 * await using log = await open('bank.git')
 * ```
 *
 * @param directory what `log.backup` wrote
 * @throws BackupMissingError, BackupDamagedError, NewerFormatError, NotARepositoryError when the path is taken
 * @throws EventNotFoundError, CommitNotFoundError, UsageError for a point that the backup does not reach
 * @throws InvalidBatchError, UnexpectedEntryError, NotALogError, ManifestError, NewerFormatError for a backup
 *   of what is no log
 * @throws DiskFullError, PermissionDeniedError, FileFailedError, GitMissingError, GitFailedError. Whatever is thrown, nothing
 *   is left behind
 */
export async function restore(
  directory: string,
  path: string,
  given: RestoreOptions = {},
): Promise<RestoreResult> {
  checkOptionKinds('restore', given, RESTORE)
  const { dryRun = false, ...options } = given
  const { folder, target, restoring } = prepare(directory, path, options)
  return withCatalog(folder, async (catalog) => {
    const restoreTo = (place: string) => restoreInto(place, folder, catalog, restoring)
    const isThere = await isFreeFolder(target)
    if (!dryRun && isThere) return inEmptyFolder(target, () => restoreTo(target))
    if (!dryRun) {
      const result = await inUnfinishedFolder(target, portsOf(options), restoreTo)
      return { ...result, path: target }
    }
    await using temporary = await TemporaryDirectory.create('memoir-restore-')
    const result = await restoreTo(`${temporary.path}/restored.git`)
    return { ...result, path: target }
  })
}

/** How `standby` follows a backup. */
export interface StandbyOptions extends Omit<RestoreOptions, 'at' | 'dryRun'> {
  /** Ends it. */
  readonly signal: AbortSignal
  /** How long to wait between two looks at the backup, in milliseconds. Default 1000. */
  readonly pollMs?: number
  /** Told of the first restore. */
  readonly onRestored?: (result: RestoreResult) => void
  /** Told of each bundle that was taken in after it. */
  readonly onStep?: (step: StandbyStep) => void
  /** Told what keeps it from going on; it stays at its last good state, and looks again. */
  readonly onProblem?: (error: Error) => void
}

/**
 * Restores a log, and keeps it at the end of its backup until the signal is aborted: a warm standby. Where
 * the log is already, it goes on from there. While it runs, it holds the writer's lock of the restored log.
 *
 * ```ts
 * await standby('/mnt/backup/bank', 'standby.git', { signal })
 * ```
 *
 * @throws what `restore` and `open` throw, for the start
 */
export async function standby(directory: string, path: string, given: StandbyOptions): Promise<void> {
  checkOptionKinds('standby', given, STANDBY)
  if (given.signal === undefined) {
    throw new UsageError('standby needs a signal', { hint: 'Give the AbortSignal that is to end it.' })
  }
  const { pollMs = 1000, onRestored, onStep, onProblem, ...options } = given
  const { folder, target } = prepare(directory, path, options)
  if (!(await holdsLog(target, folder.fileSystem))) {
    const restored = await restore(directory, target, options)
    onRestored?.(restored)
  }
  const { ports = {}, signal } = options
  const assembly = await Assembly.open(target, { ports, watch: false, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  if (assembly === undefined) return
  try {
    const tell = (step: StandbyStep) => {
      assembly.branchMoved()
      onStep?.(step)
    }
    await followBackup(folder, assembly.opened, { signal, pollMs, onStep: tell, onProblem })
  } finally {
    await assembly.close()
  }
}

const COMMON = { ports: 'object', signal: 'signal', onTransfer: 'function', onProgress: 'function' } as const
const RESTORE = { ...COMMON, at: 'any', dryRun: 'truth' } as const
const STANDBY = {
  ...COMMON,
  pollMs: 'duration',
  onRestored: 'function',
  onStep: 'function',
  onProblem: 'function',
} as const

/** A repository without a commit, as a restore that was killed leaves it, is not opened: that would begin a new log. */
async function holdsLog(path: string, fileSystem: FileSystem): Promise<boolean> {
  const found = await findRepository(path, fileSystem)
  return found !== undefined && (await readRef(fileSystem, found.gitDirectory, found.branch)) !== undefined
}

function prepare(
  directory: string,
  path: string,
  { at, signal, onTransfer, onProgress, ...options }: Omit<RestoreOptions, 'dryRun'>,
) {
  checkText('restore', 'the folder of a backup', directory)
  checkText('restore', 'a path to restore to', path)
  const { fileSystem, clock } = portsOf(options)
  const folder: BackupFolder = { directory: resolve(directory), fileSystem }
  return {
    folder,
    target: resolve(path),
    restoring: { at, clock, signal, onProgress: onTransfer, onChecked: onProgress },
  }
}
