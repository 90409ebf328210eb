import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Image } from './image/image.ts'
import { SnapshotStore } from './image/snapshot-store.ts'
import { Snapshotter } from './image/snapshotter.ts'
import { imageAt } from './image/time-travel.ts'
import { Watcher } from './image/watcher.ts'
import type { BranchState } from './log/branch.ts'
import type { Notice } from './log/log-state.ts'
import { openEventLog } from './log/open-event-log.ts'
import { Log } from './opened-log.ts'
import type { OpenOptions } from './options.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { cloneRepository, type TransferOptions } from './repository/remote.ts'
import { statusOf } from './status.ts'
import { pull } from './sync/pull.ts'
import { Pushers } from './sync/pusher.ts'
import { openWorkTreeFollower, type WorkTreeFollower } from './sync/work-tree-follower.ts'
import { systemClock } from './system/clock.ts'
import { nodeFileSystem } from './system/file-system.ts'
import { systemRandom } from './system/random.ts'

const MIB = 1 << 20

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
  const {
    projections = [],
    readOnly = false,
    ports = {},
    limits = {},
    seal = {},
    remote = 'origin',
  } = options
  const { fileSystem = nodeFileSystem, clock = systemClock, random = systemRandom } = ports
  const notify = (notice: Notice) => {
    if (notice.kind === 'adopted') workTree?.adopted(notice.commit)
    options.onNotice?.(notice)
  }
  let workTree: WorkTreeFollower | undefined
  let snapshotter: Snapshotter | undefined
  let image!: Image
  let store!: SnapshotStore
  let branchNow!: () => BranchState

  const opened = await openEventLog({
    path,
    readOnly,
    engine: options.engine,
    codec: options.codec ?? 'jsonl',
    author: options.author ?? { name: 'Memoir', email: 'memoir@localhost' },
    seal: { afterMs: seal.afterMs ?? 250, maxBytes: seal.maxBytes ?? MIB },
    eventBytes: limits.eventBytes ?? MIB,
    fileSystem,
    clock,
    random,
    notify,
    onSealed: () => {
      workTree?.schedule()
      snapshotter?.maybeSnapshot()
    },
    onProgress: options.onProgress,
    prepare: async ({ directory, manifest, branch, reader }) => {
      branchNow = () => branch
      store = new SnapshotStore({
        directory: `${directory}/snapshots`,
        fileSystem,
        logId: manifest.id,
        notify,
      })
      image = await Image.open(projections, {
        notify,
        load: (projection, upTo) => store.loadProjection(projection, branchNow(), reader, upTo),
      })
      return { listener: image, index: await store.loadIndex(branch, reader) }
    },
  })
  const { log, repository, reader, release } = opened
  const { state } = log
  branchNow = () => state.branch

  const watcher = new Watcher({
    repository,
    pollMs: options.watch?.pollMs ?? 1000,
    look: () => log.follower.look(),
    onError: (error) => notify({ kind: 'watch-failed', error }),
  })
  try {
    if (!readOnly) {
      workTree = await openWorkTreeFollower(opened, fileSystem, notify)
      const everyEvents = options.snapshot?.everyEvents ?? 10_000
      const indexPosition = opened.restoredPosition
      snapshotter = new Snapshotter({ image, state, store, notify, everyEvents, indexPosition })
    }
    await watcher.start()
  } catch (error) {
    await closeAll()
    throw error
  }
  const pushers = new Pushers(repository)

  async function closeAll(): Promise<void> {
    await watcher.close()
    try {
      await log.close()
      await snapshotter?.close()
      await workTree?.finish()
    } finally {
      await release()
    }
  }

  let closing: Promise<void> | undefined
  return new Log({
    log,
    image,
    at: (point) => imageAt({ log, snapshots: store, reader, projections, point }),
    push: async (target = remote, transfer) => {
      if (!readOnly) await log.seal()
      await pushers.push(target, transfer)
    },
    pull: async (target = remote, transfer) => {
      const pulled = await pull(log, opened, target, transfer)
      workTree?.schedule()
      return pulled
    },
    verify: async (verify) => {
      const { verifyLog } = await import('./log/verification.ts')
      return verifyLog({ repository, reader, branch: state.branch, ...verify })
    },
    status: () => statusOf(opened, image),
    close: () => (closing ??= closeAll()),
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
