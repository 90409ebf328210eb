import { Image } from './image/image.ts'
import { type IndexAhead, openIndexAhead } from './image/snapshot-folder.ts'
import { SnapshotStore } from './image/snapshot-store.ts'
import { SNAPSHOT_EVERY_EVENTS, Snapshotter } from './image/snapshotter.ts'
import { Watcher } from './image/watcher.ts'
import type { BranchState } from './log/branch.ts'
import type { LogIndex } from './log/log-index.ts'
import type { LogListener, Notice } from './log/log-state.ts'
import { type OpenedLog, type OpenedRepository, openEventLog } from './log/open-event-log.ts'
import type { CommonOptions } from './options.ts'
import { type Ports, portsOf } from './ports.ts'
import { DEFAULT_REMOTE } from './repository/remote-address.ts'
import { LongWork } from './sync/long-work.ts'
import { type AutomaticPush, Pushers } from './sync/push/pushers.ts'
import { Upkeep } from './sync/upkeep.ts'
import { openWorkTreeFollower, type WorkTreeFollower } from './sync/work-tree-follower.ts'

const MIB = 1 << 20
const POLL_MS = 1000
const SEAL_AFTER_MS = 250
/** A burst of so many bytes is journaled at full speed, and committed behind it. */
const SEAL_BYTES = 32 * MIB
const PUSH: AutomaticPush = {
  every: 10_000,
  maxUnpushed: 1000,
  mirrors: [],
  hosts: {},
  closeWithin: 10_000,
}
const MAINTENANCE_AFTER_MS = 5000
const AUTHOR = { name: 'Memoir', email: 'memoir@localhost' }

export interface AssemblyOptions extends CommonOptions {
  /** Opened for reading, by the one process that moves the branch: snapshots and files are its to keep. */
  readonly maintains?: boolean
  /** Made by this process just now: its files are to be checked out, whatever it is opened for. */
  readonly isNew?: boolean
}

/**
 * Wires the parts of an open log: the log itself, its image and snapshots, and what follows the branch.
 *
 * opening → open → closed
 */
export class Assembly {
  opened!: OpenedLog
  image!: Image
  snapshots!: SnapshotStore
  pushers!: Pushers
  upkeep!: Upkeep
  readonly longWork = new LongWork()
  private indexAhead: Promise<IndexAhead | undefined> | undefined
  private watcher: Watcher | undefined
  private snapshotter: Snapshotter | undefined
  private workTree: WorkTreeFollower | undefined
  private closing: Promise<void> | undefined
  readonly ports: Ports
  /** Name or address of the remote that is meant where none is named. */
  readonly remote: string

  private constructor(private readonly options: AssemblyOptions) {
    this.ports = portsOf(options)
    this.remote = options.remote ?? DEFAULT_REMOTE
  }

  static async open(path: string, options: AssemblyOptions): Promise<Assembly> {
    const assembly = new Assembly(options)
    try {
      assembly.opened = await assembly.openLog(path)
    } catch (error) {
      await assembly.closeSnapshots()
      throw error
    }
    try {
      await assembly.start()
    } catch (error) {
      await assembly.close()
      throw error
    }
    return assembly
  }

  /** Says that this process moved the branch. */
  branchMoved(): void {
    this.workTree?.schedule()
    this.snapshotter?.maybeSnapshot()
    this.pushers?.branchMoved()
    this.upkeep?.schedule()
  }

  /** Tells the user. What their function throws is uncaught: here it would stop whoever has something to tell. */
  tell(notice: Notice): void {
    try {
      this.options.onNotice?.(notice)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll()
    return this.closing
  }

  private openLog(path: string): Promise<OpenedLog> {
    const { options, ports } = this
    const { seal = {}, limits = {} } = options
    return openEventLog({
      path,
      ...ports,
      readOnly: options.readOnly ?? false,
      engine: options.engine,
      codec: options.codec ?? 'jsonl',
      author: options.author ?? AUTHOR,
      seal: { afterMs: seal.afterMs ?? SEAL_AFTER_MS, maxBytes: seal.maxBytes ?? SEAL_BYTES },
      eventBytes: limits.eventBytes ?? MIB,
      objectBytes: limits.objectBytes,
      notify: (notice) => this.notify(notice),
      onSealed: () => this.branchMoved(),
      onProgress: options.onProgress,
      signal: options.signal,
      onFound: (directory) => {
        this.indexAhead = openIndexAhead(`${directory}/snapshots`, ports.fileSystem)
      },
      prepare: (repository) => this.prepare(repository),
    })
  }

  private async prepare({
    directory,
    manifest,
    branch,
    reader,
  }: OpenedRepository): Promise<{ listener: LogListener; index: LogIndex | undefined }> {
    const { fileSystem } = this.ports
    const notify = (notice: Notice) => this.notify(notice)
    this.snapshots = new SnapshotStore({
      directory: `${directory}/snapshots`,
      fileSystem,
      logId: manifest.id,
      notify,
      ahead: this.indexAhead,
    })
    this.indexAhead = undefined
    // Until the log is open, the branch is the one it is opened at.
    const currentBranch = (): BranchState =>
      this.opened === undefined ? branch : this.opened.log.state.branch
    this.image = await Image.open(this.options.projections ?? [], {
      notify,
      load: (projection, upTo) => this.snapshots.loadProjection(projection, currentBranch(), reader, upTo),
    })
    return { listener: this.image, index: await this.snapshots.loadIndex(branch, reader) }
  }

  private async start(): Promise<void> {
    const { opened, options, image, snapshots: store } = this
    const { log, repository, restoredPosition: indexPosition } = opened
    const notify = (notice: Notice) => this.notify(notice)
    this.upkeep = this.createUpkeep(opened)
    const isOurs = log.writer !== undefined || options.maintains
    if (isOurs || options.isNew) {
      this.workTree = await openWorkTreeFollower(opened, this.ports.fileSystem, notify)
    }
    if (isOurs) {
      const everyEvents = options.snapshot?.everyEvents ?? SNAPSHOT_EVERY_EVENTS
      this.snapshotter = new Snapshotter({
        image,
        state: log.state,
        store,
        notify,
        everyEvents,
        indexPosition,
      })
    }
    await this.openPushers()
    if (options.watch === false) return
    this.watcher = new Watcher({
      repository,
      pollMs: options.watch?.pollMs ?? POLL_MS,
      look: () => log.follower.look(),
      onError: (error) => notify({ kind: 'watch-failed', error }),
    })
    // It tells its own errors, and nothing has to wait until file events are in place.
    void this.watcher.start()
  }

  private async openPushers(): Promise<void> {
    const { opened, remote, ports } = this
    const { limits = {}, push } = this.options
    this.pushers = await Pushers.open({
      opened,
      remote,
      automatic: push && { ...PUSH, ...push },
      eventBytes: limits.eventBytes ?? MIB,
      ...ports,
      notify: (notice) => this.notify(notice),
    })
  }

  /** It begins by itself where this process writes, and git is there to do it. */
  private createUpkeep({ log, repository, directory, reader }: OpenedLog): Upkeep {
    const { maintenance, maintains = false } = this.options
    const isOurs = log.writer !== undefined || maintains
    const isOn = maintenance !== false && isOurs && reader.engine === 'git'
    return new Upkeep({
      repository,
      directory,
      state: log.state,
      reader,
      ...this.ports,
      notify: (notice) => this.notify(notice),
      idleMs: isOn ? (maintenance?.idleMs ?? MAINTENANCE_AFTER_MS) : undefined,
    })
  }

  private notify(notice: Notice): void {
    // Whoever moves the branch from outside, as `git commit` and `git reset --hard` do, brings the files along.
    if (notice.kind === 'rewritten' || notice.kind === 'adopted') this.pushers?.branchMoved()
    if (notice.kind === 'rewritten' && notice.by === 'others') this.workTree?.adopted(notice.to)
    if (notice.kind === 'adopted') {
      if (notice.by === 'others') this.workTree?.adopted(notice.commit)
      this.snapshotter?.maybeSnapshot()
    }
    this.tell(notice)
  }

  private async closeAll(): Promise<void> {
    const { log, release } = this.opened
    const cutOff = this.longWork.close()
    await this.watcher?.close()
    await this.upkeep?.close()
    try {
      await log.close()
      await this.snapshotter?.close()
      await this.workTree?.finish()
    } finally {
      // What a failure left at work would go on without the lock.
      await this.snapshotter?.settled()
      await this.workTree?.settled()
      await cutOff
      try {
        await this.pushers?.close()
        await this.closeSnapshots()
      } finally {
        await release()
      }
    }
  }

  private async closeSnapshots(): Promise<void> {
    await this.snapshots?.close()
    const ahead = await this.indexAhead
    await ahead?.file?.close()
  }
}
