import type { GitReader } from '../repository/git-reader.ts'
import { ObjectStore } from '../repository/object-store.ts'
import { openReader } from '../repository/open-reader.ts'
import type { Repository } from '../repository/repository.ts'
import { GitRunner } from '../repository/runner.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { onAbort } from '../system/on-abort.ts'
import { findOrCreateRepository, makeOwnDirectory, ownDirectory, refuseLinks } from './log-repository.ts'
import { WriterLock } from './writer-lock.ts'

export interface HoldOptions {
  readonly path: string
  readonly readOnly: boolean
  readonly engine: 'git' | 'isomorphic' | undefined
  /** The most bytes an object may have that is read, such as a batch. Default: 100 MiB. */
  readonly objectBytes?: number | undefined
  readonly fileSystem: FileSystem
  readonly clock: Clock
  /** Ends the opening, with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Told where the log keeps what is its own, before anything else is read. */
  readonly onFound?: (directory: string) => void
}

/** What opening has taken hold of before it looks at the branch. */
export interface Hold {
  readonly repository: Repository
  readonly directory: string
  readonly runner: GitRunner
  readonly reader: GitReader
  readonly store: ObjectStore
  /** Undefined for who only reads. */
  readonly lock: WriterLock | undefined
  /** Ends nothing any more when the signal is aborted. @throws its reason, if it was aborted before */
  readonly ignoreSignal: () => void
  /** Gives all of it back. */
  readonly release: () => Promise<void>
}

/**
 * Finds or creates the repository, takes the writer's lock, and opens what reads and writes its objects. Where what is
 * then to be opened with it fails, all of it is given back.
 */
export async function takeHold<Opened>(
  options: HoldOptions,
  open: (hold: Hold) => Promise<Opened>,
): Promise<Opened> {
  const cleanup: (() => Promise<void>)[] = []
  /** From the last to the first, whatever fails: without the lock given back, this process could not open the log again. */
  const release = async () => {
    const giveBack = cleanup.pop()
    if (giveBack === undefined) return
    try {
      await giveBack()
    } finally {
      await release()
    }
  }
  try {
    return await open({ ...(await take(options, cleanup)), release })
  } catch (error) {
    await release().catch(() => undefined)
    options.signal?.throwIfAborted()
    throw error
  }
}

/** @param cleanup gets what gives back each thing that was taken */
async function take(options: HoldOptions, cleanup: (() => Promise<void>)[]): Promise<Omit<Hold, 'release'>> {
  const { path, readOnly, fileSystem, signal } = options
  signal?.throwIfAborted()
  const repository = await findOrCreateRepository(path, fileSystem, !readOnly)
  const { gitDirectory } = repository
  const directory = ownDirectory(repository)
  options.onFound?.(directory)
  const lock = readOnly ? undefined : await takeLock(options, repository)
  if (lock === undefined) await refuseLinks(repository)
  else cleanup.push(() => lock.release())
  const runner = new GitRunner({ repository })
  cleanup.push(async () => runner[Symbol.asyncDispose]())
  const { engine, objectBytes: limitBytes } = options
  const reader = await openReader({ gitDirectory, runner, engine, limitBytes })
  cleanup.push(async () => reader[Symbol.asyncDispose]())
  // Whatever waits for an object then fails, also where git hangs.
  const stopReading = () => void reader[Symbol.asyncDispose]()
  const goOnReading = onAbort(signal, stopReading)
  cleanup.push(async () => goOnReading())
  const ignoreSignal = () => {
    signal?.throwIfAborted()
    goOnReading()
  }
  const store = new ObjectStore({ gitDirectory, fileSystem })
  cleanup.push(() => store.settle())
  return { repository, directory, runner, reader, store, lock, ignoreSignal }
}

async function takeLock({ fileSystem, clock }: HoldOptions, repository: Repository): Promise<WriterLock> {
  return WriterLock.acquire(await makeOwnDirectory(repository, fileSystem), fileSystem, clock)
}
