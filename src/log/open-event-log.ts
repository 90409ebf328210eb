import type { Codec } from '../event/event.ts'
import { uuidGenerator } from '../event/ids.ts'
import { NotALogError } from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { syncHistory } from '../repository/history-sync.ts'
import type { Manifest } from '../repository/manifest.ts'
import type { Person } from '../repository/object.ts'
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
import { HeldFiles } from './held-files.ts'
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
  /** Told after each seal, and each fold by hand: not of what was pulled, or confirmed by a remote. */
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
export function openEventLog(options: OpenEventLogOptions): Promise<OpenedLog> {
  return takeHold(options, (hold) => open(options, hold))
}

async function open(options: OpenEventLogOptions, hold: Hold): Promise<OpenedLog> {
  const { readOnly, fileSystem, clock, notify } = options
  const { repository, directory, runner, reader, lock } = hold
  const uuid = uuidGenerator(options.random)
  const newId = () => uuid(clock.now())

  const source = new BatchSource(reader)
  const found = await readRef(fileSystem, repository.gitDirectory, repository.branch)
  const branch = await readBranchState(found ?? (await begin(options, hold, newId())), reader, source)
  const manifest = await readManifest(branch, reader)
  const opened: OpenedRepository = { repository, manifest, reader, runner, branch, directory }

  const { listener, index = new LogIndex() } = await options.prepare(opened)
  const restoredPosition = index.count
  await replay(branch, source, index, listener, options)
  const state: LogState = { branch, index, tail: new Tail(), visible: new Watermark(), rewrites: 0 }
  state.visible.moveTo(branch.position)

  const branchLock = new Exclusive()
  const checkHeld = async () => lock?.check()
  const parts: SharedParts = { state, source, listener, branchLock, codec: manifest.codec, newId, checkHeld }
  const journal = readOnly ? undefined : await openJournal(hold, fileSystem, parts)
  if (journal === undefined) hold.ignoreSignal()

  const writer = journal && startWriter(options, hold, journal, parts)
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
    release: journal && ((position, common) => journal.release(position, common)),
    makeDurable: journal && ((since, commit) => makeDurable(hold, fileSystem, since, commit)),
  })
  return {
    ...opened,
    restoredPosition,
    log: new EventLog(state, source, follower, branchLock, writer),
    async release() {
      if (lock !== undefined) lock.standsAt = state.branch.commit
      await hold.release()
    },
  }
}

/** Begins a log where there is none. @returns its first commit */
async function begin(options: OpenEventLogOptions, hold: Hold, id: string): Promise<string> {
  const { readOnly, codec, author, fileSystem, clock } = options
  const { repository, directory, store } = hold
  // A log that was opened for writing has a journal: without its branch it is not to be begun anew.
  const hadLog = (await fileSystem.stat(`${directory}/journal`).catch(() => undefined)) !== undefined
  if (readOnly || hadLog) throw new NotALogError(`a commit on ${repository.branch}`)
  return startLog(repository, { id, codec, author }, store, fileSystem, clock)
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

/** What opening, appending and sealing share. */
interface SharedParts {
  readonly state: LogState
  readonly source: BatchSource
  readonly listener: LogListener
  readonly branchLock: Exclusive
  readonly codec: Codec
  readonly newId: () => string
  /** @throws where the writer's lock is not in its place any more: the folder was moved, removed or replaced */
  readonly checkHeld: () => Promise<void>
}

/** Opens the journal, and shows what it holds beyond the branch. Then nothing is left that the signal could end. */
async function openJournal(
  hold: Hold,
  fileSystem: FileSystem,
  { state: { branch, index, tail, visible }, source, listener, checkHeld }: SharedParts,
): Promise<ReusableJournal> {
  // What syncs the branch and what opens the journal wait for the disk, and not for each other.
  const durable = makeDurable(hold, fileSystem, hold.lock?.stoodAt, branch.commit)
  durable.catch(() => undefined)
  let journal: ReusableJournal | undefined
  try {
    journal = await ReusableJournal.open(`${hold.directory}/journal`, new HeldFiles(fileSystem, checkHeld))
    for (const run of await recoverTail(journal, branch, index, source)) {
      tail.push(run)
      show(listener, run, index)
      visible.moveTo(lastOf(run))
    }
    // It may forget what the branch holds once that is durable: who moved the branch may have been killed before.
    await durable
    await journal.release(branch.position)
    hold.ignoreSignal()
    return journal
  } catch (error) {
    await Promise.allSettled([durable, journal?.close()])
    throw error
  }
}

/** Makes the branch durable, and what others have committed since a commit, as far as that is known. */
async function makeDurable(
  { repository, reader, runner }: Hold,
  fileSystem: FileSystem,
  since: string | undefined,
  commit: string,
): Promise<void> {
  const { gitDirectory } = repository
  const hasNew = since !== undefined && since !== commit
  // Without git nobody knows all that a commit brought.
  if (hasNew && reader.engine === 'git')
    await syncHistory({ gitDirectory, fileSystem, runner }, since, commit)
  await syncRef(fileSystem, gitDirectory, repository.branch)
}

/** Wires what appends and seals, and sees to the sealing of what was recovered. */
function startWriter(
  { fileSystem, clock, author, seal, notify, onSealed, eventBytes }: OpenEventLogOptions,
  { repository, reader, store }: Hold,
  journal: ReusableJournal,
  { state, source, listener, branchLock, codec, newId, checkHeld }: SharedParts,
): Writer {
  const { gitDirectory, branch: ref } = repository
  const committer = new Committer({ gitDirectory, ref, store, fileSystem, clock, author, checkHeld })
  const folding = new Folding(state, committer, reader)
  const sealer = new Sealer({
    state,
    journal,
    committer,
    folding,
    branchLock,
    batches: new BatchesAhead(state, store, codec),
    settings: seal,
    notify,
    onSealed,
  })
  sealer.schedule()
  const onJournaled = () => sealer.schedule()
  return {
    appender: new Appender({ log: state, journal, clock, listener, onJournaled }),
    sealer,
    folding,
    draft: new Draft({ state, source, committer, folding, listener, branchLock, codec, clock }),
    journal,
    preparation: new Preparation(newId, eventBytes),
    maxUnsealed: seal.maxBytes * MOST_UNSEALED,
  }
}
