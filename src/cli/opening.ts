import { MemoirError } from '../event/errors.ts'
import { JournalCorruptError } from '../journal/errors.ts'
import { openFileJournal } from '../journal/file-journal.ts'
import { LogLockedError } from '../log/errors.ts'
import { ownDirectory } from '../log/log-repository.ts'
import type { Notice } from '../log/log-state.ts'
import { WriterLock } from '../log/writer-lock.ts'
import type { Log } from '../opened-log.ts'
import type { OpenOptions } from '../options.ts'
import { fileError } from '../repository/durable-file.ts'
import { NotALogError, NotARepositoryError, PermissionDeniedError } from '../repository/errors.ts'
import { findRepository, findRepositoryUpwards } from '../repository/location.ts'
import { readRef } from '../repository/refs.ts'
import type { Repository } from '../repository/repository.ts'
import type { SharedLog } from '../shared-log.ts'
import { systemClock } from '../system/clock.ts'
import { nodeFileSystem } from '../system/file-system.ts'
import type { Context } from './context.ts'
import type { Messages } from './messages.ts'
import { warnOf } from './notice-text.ts'
import { countOf } from './number-text.ts'

/**
 * The repository that a command is about: the one that -C names, else the nearest one from the current
 * folder upwards, as git looks for it.
 *
 * @throws NotARepositoryError, UnsupportedRepositoryError, DetachedHeadError
 */
async function getRepository({ folder }: Context): Promise<Repository> {
  const path = folder ?? process.cwd()
  const isGiven = folder !== undefined
  const found = await (isGiven ? findRepository : findRepositoryUpwards)(path, nodeFileSystem)
  if (found !== undefined) return found
  throw new NotARepositoryError(path, isGiven ? 'there is nothing yet' : 'nor is any folder above it', {
    hint: 'Name the folder of a log with -C, or create one: memoir init.',
  })
}

/** Opens the log for appends; unlike `open`, never creates one. */
export async function openForWriting(context: Context, options: OpenOptions = {}): Promise<Log> {
  const { repository } = await getLogRepository(context)
  return openOrCreate(repository.path, context, options)
}

/** Opens the log at a path, and begins one where there is nothing yet. */
export async function openOrCreate(path: string, context: Context, options: OpenOptions): Promise<Log> {
  const { open } = await import('../memoir.ts')
  using opening = openingOptions(context)
  return await open(path, { ...opening.options, ...options })
}

/** How long closing a shared log waits for its remote. */
const CLOSE_WITHIN_MS = 10_000

/** Opens the log for appends to a remote that others append to as well. */
export async function openForSharing(context: Context, remote: string | undefined): Promise<SharedLog> {
  const { repository } = await getLogRepository(context)
  const { open } = await import('../memoir.ts')
  using opening = openingOptions(context)
  // It pushes what others of its appends wait for, also after Ctrl-C.
  context.allowLonger(CLOSE_WITHIN_MS)
  return await open(repository.path, {
    ...opening.options,
    mode: 'shared',
    shared: { closeWithinMs: CLOSE_WITHIN_MS },
    ...(remote !== undefined && { remote }),
  })
}

/**
 * Opens the log for reading, beside whoever writes to it. Events that a dead writer left in the journal are
 * committed first, so that what was acknowledged is seen.
 */
export async function openForReading(context: Context, options: OpenOptions = {}): Promise<Log> {
  const { repository } = await getLogRepository(context)
  const open = () => openOrCreate(repository.path, context, { ...options, readOnly: true })
  const log = await open()
  try {
    const left = await countLeft(repository, log, context)
    if (left === 0 || !(await recover(repository, context, left))) return log
  } catch (error) {
    await log.close()
    throw error
  }
  await log.close()
  return open()
}

/**
 * The repository and the commit that its branch is at.
 *
 * @throws NotALogError when there is none yet, and what `getRepository` throws
 */
export async function getLogRepository(
  context: Context,
): Promise<{ readonly repository: Repository; readonly commit: string }> {
  const repository = await getRepository(context)
  const { gitDirectory, branch } = repository
  const commit = await readRef(nodeFileSystem, gitDirectory, branch)
  if (commit === undefined) throw new NotALogError(`a commit on ${branch} of ${gitDirectory}`)
  return { repository, commit }
}

/** What every command opens a log with; progress is shown until it is disposed. */
function openingOptions({ messages, signal }: Context) {
  const progress = messages.progress('Opening')
  const options = {
    watch: false as const,
    onNotice: (notice: Notice) => warnOf(notice, messages),
    onProgress: (done: number, total: number) => progress.update({ done, total, unit: 'events' }),
    signal,
  }
  return { options, [Symbol.dispose]: () => progress[Symbol.dispose]() }
}

/**
 * How many acknowledged events a dead writer left in the journal, beyond the last commit. The order counts:
 * a writer that ran while the journal was read has moved the branch before it gave its lock back.
 */
async function countLeft(repository: Repository, log: Log, { messages }: Context): Promise<number> {
  const directory = ownDirectory(repository)
  const { commit, positions } = log.status()
  const last = await lastJournaled(`${directory}/journal`, messages)
  if (last <= positions.branch) return 0
  const owner = await WriterLock.findOwner(directory, nodeFileSystem, systemClock)
  if (owner?.isRunning) return 0
  const now = await readRef(nodeFileSystem, repository.gitDirectory, repository.branch)
  return now === commit ? last - positions.branch : 0
}

/** Position of the last event in the journal; 0 where there is none, or none can be read. */
async function lastJournaled(directory: string, messages: Messages): Promise<number> {
  let last = 0
  try {
    const journal = await openFileJournal({ directory, readOnly: true })
    for await (const { first, count } of journal.read()) last = first + count - 1
  } catch (cause) {
    const error = fileError(directory, cause)
    if (!(error instanceof JournalCorruptError || error instanceof PermissionDeniedError)) throw error
    messages.warn(`Only what is committed is shown. ${error.message}\n  hint: See: memoir doctor`)
    return 0
  }
  return last
}

/** Whether what a dead writer left is committed now. */
async function recover(repository: Repository, context: Context, left: number): Promise<boolean> {
  const { messages, signal } = context
  try {
    const log = await openOrCreate(repository.path, context, {})
    await log.close()
    messages.say(`Committed ${countOf(left, 'event')} that a writer left in the journal.`)
    return true
  } catch (error) {
    signal.throwIfAborted()
    // Another writer has come: it commits them.
    if (error instanceof LogLockedError) return true
    if (!(error instanceof MemoirError)) throw error
    messages.warn(
      `Only what is committed is shown. ${countOf(left, 'event')} in the journal cannot be committed: ${error.message}\n  hint: See: memoir doctor`,
    )
    return false
  }
}
