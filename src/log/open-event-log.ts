import type { Codec } from '../event/event.ts'
import { uuidGenerator } from '../event/ids.ts'
import { NotALogError } from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { syncHistory } from '../repository/history-sync.ts'
import type { Manifest } from '../repository/manifest.ts'
import type { Person } from '../repository/object.ts'
import type { ObjectStore } from '../repository/object-store.ts'
import { syncRef } from '../repository/ref-update.ts'
import { readRef } from '../repository/refs.ts'
import type { Repository } from '../repository/repository.ts'
import type { GitRunner } from '../repository/runner.ts'
import type { FileSystem } from '../system/file-system.ts'
import type { RandomSource } from '../system/random.ts'
import { Appender } from './appender.ts'
import { BatchSource } from './batch-source.ts'
import { BatchesAhead } from './batches-ahead.ts'
import { type BranchState, readBranchState } from './branch.ts'
import { Committer } from './committer.ts'
import { Draft } from './draft.ts'
import { EventLog, type Writer } from './event-log.ts'
import { Exclusive } from './exclusive.ts'
import { Folding } from './folding.ts'
import { Follower } from './follower.ts'
import { indexRun } from './history.ts'
import { type Hold, type HoldOptions, takeHold } from './hold.ts'
import { LogIndex } from './log-index.ts'
import { readManifest, startLog } from './log-repository.ts'
import type { LogListener, LogState, Notice } from './log-state.ts'
import { Preparation } from './preparation.ts'
import { recoverTail } from './recovery.ts'
import { ReusableJournal } from './reusable-journal.ts'
import { lastOf, runFrom } from './run.ts'
import { Sealer, type SealSettings } from './sealer.ts'
import { show } from './showing.ts'
import { Tail } from './tail.ts'
import { Watermark } from './watermark.ts'

export interface OpenEventLogOptions extends HoldOptions {
  /** For a new log; an existing one says itself. */
  readonly codec: Codec
  readonly author: Person
  readonly seal: SealSettings
  readonly eventBytes: number
  readonly random: RandomSource
  readonly notify: (notice: Notice) => void
  /** Told after each move of the branch by this process. */
  readonly onSealed: () => void
  /** How many events of how many have been replayed. */
  readonly onProgress: ((done: number, total: number) => void) | undefined
  /** Makes what is told of the events, and gives the index of a snapshot, if there is one that fits. */
  readonly prepare: (
    opened: OpenedRepository,
  ) => Promise<{ listener: LogListener; index: LogIndex | undefined }>
}

/** What is known of a log before its events are replayed. */
export interface OpenedRepository {
  readonly repository: Repository
  readonly manifest: Manifest
  readonly reader: GitReader
  readonly runner: GitRunner
  readonly branch: BranchState
  readonly directory: string
}

export interface OpenedLog extends OpenedRepository {
  readonly log: EventLog
  /** Up to where the index came from a snapshot; 0 if it was made anew. */
  readonly restoredPosition: number
  /** Gives back the writer's lock and ends the reader. */
  readonly release: () => Promise<void>
}

/** Journaled events that wait for their commit may take this many times what triggers a seal. */
const MOST_UNSEALED = 4

/**
 * Opens a log: finds or creates the repository, takes the writer's lock, replays what no snapshot holds,
 * and recovers what the journal holds beyond the branch.
 *
 * opening → recovering → open
 */
export async function openEventLog(options: OpenEventLogOptions): Promise<OpenedLog> {
  const cleanup: (() => Promise<void>)[] = []
  /** All of it, whatever fails: without the lock given back, this process could not open the log again. */
  const releaseAll = async () => {
    const close = cleanup.pop()
    if (close === undefined) return
    try {
      await close()
    } finally {
      await releaseAll()
    }
  }
  try {
    return await open(options, cleanup, releaseAll)
  } catch (error) {
    await releaseAll().catch(() => undefined)
    options.signal?.throwIfAborted()
    throw error
  }
}

async function open(
  options: OpenEventLogOptions,
  cleanup: (() => Promise<void>)[],
  releaseAll: () => Promise<void>,
): Promise<OpenedLog> {
  const { readOnly, fileSystem, clock, notify } = options
  const { repository, directory, runner, reader, store, lock, onRecovered } = await takeHold(options, cleanup)
  const { gitDirectory } = repository
  const uuid = uuidGenerator(options.random)
  const newId = () => uuid(clock.now())
  let commit = await readRef(fileSystem, gitDirectory, repository.branch)
  if (commit === undefined) {
    const hadLog = await isThere(`${directory}/journal`, fileSystem)
    if (readOnly || hadLog) throw new NotALogError(`a commit on ${repository.branch}`)
    const { codec, author } = options
    commit = await startLog(repository, { id: newId(), codec, author }, store, fileSystem, clock)
  }
  const source = new BatchSource(reader)
  const branch = await readBranchState(commit, reader, source)
  const manifest = await readManifest(branch, reader)
  const opened: OpenedRepository = { repository, manifest, reader, runner, branch, directory }

  const { listener, index = new LogIndex() } = await options.prepare(opened)
  const restoredPosition = index.count
  await replay(branch, source, index, listener, options)
  const state: LogState = { branch, index, tail: new Tail(), visible: new Watermark(), rewrites: 0 }
  state.visible.moveTo(branch.position)

  const branchLock = new Exclusive()
  if (readOnly) onRecovered()
  const makeDurable = async (since: string | undefined, commit: string) => {
    const hasNew = since !== undefined && since !== commit
    // Without git nobody knows all that a commit brought.
    if (hasNew && reader.engine === 'git')
      await syncHistory({ gitDirectory, fileSystem, runner }, since, commit)
    await syncRef(fileSystem, gitDirectory, repository.branch)
  }
  const secure = () => makeDurable(lock?.stoodAt, branch.commit)
  const parts = { state, source, branchLock, listener, store, newId, secure, onRecovered }
  const writer = readOnly ? undefined : await openWriter(options, opened, parts)
  const release = writer && ((position: number, common: number) => writer.journal.release(position, common))
  const follower = new Follower({
    state,
    repository,
    logId: manifest.id,
    fileSystem,
    clock,
    reader,
    source,
    branchLock,
    listener,
    notify,
    release,
    makeDurable: writer && makeDurable,
  })
  return {
    ...opened,
    restoredPosition,
    log: new EventLog(state, source, follower, branchLock, writer),
    async release() {
      if (lock !== undefined) lock.standsAt = state.branch.commit
      await releaseAll()
    },
  }
}

/** Brings index and listener to the end of the branch. */
async function replay(
  branch: BranchState,
  source: BatchSource,
  index: LogIndex,
  listener: LogListener,
  { onProgress, signal }: OpenEventLogOptions,
): Promise<void> {
  const from = Math.min(index.count, listener.position) + 1
  if (from > branch.position) return
  for await (const run of source.replay(branch.tree, from, signal)) {
    const unindexed = runFrom(run, index.count + 1)
    if (unindexed !== undefined) indexRun(index, unindexed, branch.tree)
    const unseen = runFrom(run, from)
    if (unseen !== undefined) show(listener, unseen, index)
    onProgress?.(lastOf(run), branch.position)
  }
}

interface WriterParts {
  readonly state: LogState
  readonly source: BatchSource
  readonly branchLock: Exclusive
  readonly listener: LogListener
  readonly store: ObjectStore
  readonly newId: () => string
  /** Makes the branch durable, as far as nobody else has. */
  readonly secure: () => Promise<void>
  readonly onRecovered: Hold['onRecovered']
}

/** Opens the journal, recovers what the branch lacks, and wires what appends and seals. */
async function openWriter(
  options: OpenEventLogOptions,
  { repository, manifest, reader, directory }: OpenedRepository,
  { state, source, branchLock, listener, store, newId, secure, onRecovered }: WriterParts,
): Promise<Writer> {
  const { fileSystem, clock, author, seal, notify, onSealed, eventBytes } = options
  const { gitDirectory, branch: ref } = repository
  const journal = await ReusableJournal.open(`${directory}/journal`, fileSystem)
  try {
    for (const run of await recoverTail(journal, state.branch, state.index, source)) {
      state.tail.push(run)
      show(listener, run, state.index)
      state.visible.moveTo(lastOf(run))
    }
    // The journal may forget what the branch holds once that is durable: who moved it may have been killed before.
    await secure()
    await journal.release(state.branch.position)
    onRecovered()
  } catch (error) {
    await journal.close().catch(() => undefined)
    throw error
  }
  const committer = new Committer({ gitDirectory, ref, store, fileSystem, clock, author })
  const folding = new Folding(state, committer, reader)
  const sealer = new Sealer({
    state,
    journal,
    committer,
    folding,
    branchLock,
    batches: new BatchesAhead(state, store, manifest.codec),
    settings: seal,
    notify,
    onSealed,
  })
  sealer.schedule()
  const onJournaled = () => sealer.schedule()
  const appender = new Appender({ log: state, journal, clock, listener, onJournaled })
  const draft = new Draft({
    state,
    source,
    committer,
    folding,
    listener,
    branchLock,
    codec: manifest.codec,
    clock,
  })
  return {
    appender,
    sealer,
    folding,
    draft,
    journal,
    preparation: new Preparation(newId, eventBytes),
    maxUnsealed: seal.maxBytes * MOST_UNSEALED,
  }
}

/** A log that was opened for writing has a journal: without its branch it is not to be begun anew. */
async function isThere(path: string, fileSystem: FileSystem): Promise<boolean> {
  const directory = await fileSystem.stat(path).catch(() => undefined)
  return directory !== undefined
}
