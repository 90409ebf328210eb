import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Assembly } from './assembly.ts'
import { UsageError } from './event/errors.ts'
import { imageAt } from './image/time-travel.ts'
import { Log } from './opened-log.ts'
import type { OpenOptions } from './options.ts'
import { checkOptions } from './options-check.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { pointHeadAtOnlyBranch } from './repository/only-branch.ts'
import { cloneRepository, type TransferOptions } from './repository/remote.ts'
import { statusOf } from './status.ts'
import { pull } from './sync/pull.ts'
import { Pushers } from './sync/push/pusher.ts'
import { nodeFileSystem } from './system/file-system.ts'

/**
 * Opens the log at a path, and creates it, as a bare Git repository, where there is nothing yet.
 *
 * Takes the writer's lock (unless `readOnly`), recovers what the journal holds beyond the last commit, and
 * replays the events that no snapshot holds: about 4 µs an event.
 *
 * ```ts
 * await using log = await open('bank.git', { projections: [balances] })
 * ```
 *
 * @param path a bare repository, a clone with a work tree, an empty folder, or nothing yet
 * @throws LogLockedError while another writer has it open
 * @throws NotARepositoryError, UnsupportedRepositoryError, NotALogError, NewerFormatError, ManifestError,
 *   UnexpectedEntryError, InvalidBatchError for what is no log, or a damaged one
 * @throws LogDivergedError when the journal holds events that do not follow on the branch
 * @throws JournalCorruptError, PermissionDeniedError, DiskFullError, InvalidProjectionError
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Log> {
  if (typeof path !== 'string' || path === '') throw new UsageError('open needs the path of a log')
  checkOptions(options)
  const assembly = await Assembly.open(path, options)
  const { opened, image, snapshots } = assembly
  const { log, repository, reader } = opened
  const { projections = [], remote = 'origin', readOnly = false } = options
  const pushers = new Pushers({ repository, reader, head: () => log.state.branch.commit })
  return new Log({
    log,
    image,
    at: (point) => imageAt({ log, snapshots, reader, projections, point }),
    push: async (target = remote, transfer) => {
      if (!readOnly) await log.seal()
      await pushers.push(target, transfer)
    },
    pull: async (target = remote, transfer) => {
      const pulled = await pull(log, opened, target, transfer)
      assembly.branchMoved()
      return pulled
    },
    verify: async (verify) => {
      const { verifyLog } = await import('./log/verification/verification.ts')
      return verifyLog({ repository, reader, branch: log.state.branch, ...verify })
    },
    status: () => statusOf(opened, image),
    close: () => assembly.close(),
  })
}

/** How `clone` clones. */
export interface CloneOptions extends OpenOptions {
  /** Check the files out as well. Default: a bare repository. */
  readonly workTree?: boolean
  readonly signal?: AbortSignal
  /** Told how far the transfer has come. */
  readonly onTransfer?: TransferOptions['onProgress']
}

/**
 * Clones a log and opens the clone: all history, all events, the state rebuilt.
 *
 * @param address https, ssh or a path; credentials are those of the user's git
 * @param path a folder that does not exist, or is empty; default: the last part of the address
 * @throws RemoteFailedError, InvalidRemoteError, GitMissingError, NotARepositoryError when the path is taken,
 *   and whatever `open` throws: then nothing is left behind
 */
export async function clone(
  address: string,
  path = nameOf(address),
  { workTree = false, signal, onTransfer, ...options }: CloneOptions = {},
): Promise<Log> {
  const target = resolve(path)
  const existed = await isEmptyFolder(target)
  try {
    await cloneRepository(address, target, { bare: !workTree, signal, onProgress: onTransfer })
    await pointHeadAtOnlyBranch(target, nodeFileSystem)
    return await open(target, options)
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    if (existed) await mkdir(target)
    throw error
  }
}

/** Whether there is an empty folder. @throws NotARepositoryError when there is anything else */
async function isEmptyFolder(path: string): Promise<boolean> {
  try {
    const names = await readdir(path)
    if (names.length > 0) throw new NotARepositoryError(path, 'it is not empty')
    return true
  } catch (error) {
    if (error instanceof NotARepositoryError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    throw new NotARepositoryError(path, `it is no folder that can be read (${code})`)
  }
}

function nameOf(address: string): string {
  return basename(address.replace(/[/\\]+$/, '').replace(/^.*:/, ''))
}
