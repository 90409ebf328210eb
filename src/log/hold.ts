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
  /** Called when nothing is left to be read before it is open. @throws the signal's reason */
  readonly onRecovered: () => void
}

/**
 * Finds or creates the repository, takes the writer's lock, and opens what reads and writes its objects.
 *
 * @param cleanup gets what gives all of it back, to be called from the last to the first
 */
export async function takeHold(options: HoldOptions, cleanup: (() => Promise<void>)[]): Promise<Hold> {
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
  const onRecovered = () => {
    signal?.throwIfAborted()
    goOnReading()
  }
  const store = new ObjectStore({ gitDirectory, fileSystem })
  cleanup.push(() => store.settle())
  return { repository, directory, runner, reader, store, lock, onRecovered }
}

async function takeLock({ fileSystem, clock }: HoldOptions, repository: Repository): Promise<WriterLock> {
  return WriterLock.acquire(await makeOwnDirectory(repository, fileSystem), fileSystem, clock)
}
