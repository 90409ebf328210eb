import { setTimeout as wait } from 'node:timers/promises'
import { timeOf } from '../event/time.ts'
import { errorCode, fileError, ignoreMissing, removeQuietly, writeFully } from '../repository/durable-file.ts'
import { FileFailedError } from '../repository/errors.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import {
  currentProcess,
  isAlive,
  isProcessIdentity,
  type ProcessIdentity,
} from '../system/process-identity.ts'
import { GivenSign } from '../system/sign-of-life.ts'
import { LogLockedError } from './errors.ts'

const NAME = /^writer\.(\d{12})\.lock$/
/** Nobody gets there by opening a log: somebody made a file of this name. */
const LAST_NUMBER = 999_999_999_999
const NO_NUMBER = { cause: new Error('no number comes after that of this lock: remove it if no writer runs') }
const RELEASED = 'released\n'
/** What is another log's stays as it is. */
const NOT_OURS = new Error(
  'the lock that was taken is not there any more: the folder was moved, removed or replaced while the log was open',
)
const STOOD_AT = /^released\n([0-9a-f]{40})\n/
/** How long a lock may stand empty while its owner is about to write its name into it. */
const EMPTY_MS = 1000
const PAUSE_MS = 10

/**
 * The right to write to a log, which one process at a time holds.
 *
 * Locks are files numbered upwards: the highest number counts. Taking over from a dead owner means
 * creating the next number, which the file system lets only one process do, so two that find the same
 * dead owner cannot both win. A released lock stays, marked as released, until the next one replaces it:
 * a number is never used twice, and so a slow process cannot create one that was already passed. Where it cannot be
 * marked it is removed: then who comes first with any number has it, and a slow one finds that owner at work.
 */
export class WriterLock {
  /** Where the branch stands, all of it durable: whoever releases the lock leaves it to the next one. */
  standsAt: string | undefined
  /** What was written into it when it was taken. */
  private text = ''

  private constructor(
    private readonly fileSystem: FileSystem,
    readonly path: string,
    private readonly given: GivenSign | undefined,
    /** Where the branch stood when the lock was released last, if that is known. */
    readonly stoodAt: string | undefined,
  ) {}

  /**
   * @param directory the log's own directory; it must exist
   * @throws LogLockedError while the owner runs
   * @throws PermissionDeniedError, DiskFullError, FileFailedError, ClockError
   */
  static async acquire(directory: string, fileSystem: FileSystem, clock: Clock): Promise<WriterLock> {
    const self = currentProcess(timeOf(clock))
    // Before anybody can read of it.
    const given = await GivenSign.give()
    try {
      const owner = given === undefined ? self : { ...self, sign: given.sign }
      return await WriterLock.take(directory, owner, given, fileSystem, clock)
    } catch (error) {
      given?.end()
      throw fileError(directory, error)
    }
  }

  private static async take(
    directory: string,
    self: ProcessIdentity,
    given: GivenSign | undefined,
    fileSystem: FileSystem,
    clock: Clock,
  ): Promise<WriterLock> {
    for (;;) {
      const last = (await lockNumbers(directory, fileSystem)).at(-1) ?? 0
      if (last === LAST_NUMBER) throw new FileFailedError(lockPath(directory, last), NO_NUMBER)
      if (last > 0) {
        const owner = await readOwner(lockPath(directory, last), fileSystem, clock)
        if (owner !== undefined && (await isAlive(owner)))
          throw new LogLockedError(lockPath(directory, last), owner)
      }
      const [, stoodAt] = STOOD_AT.exec(await readText(lockPath(directory, last), fileSystem)) ?? []
      const lock = new WriterLock(fileSystem, lockPath(directory, last + 1), given, stoodAt)
      if (!(await lock.create(self))) continue
      const numbers = await lockNumbers(directory, fileSystem)
      if (numbers.at(-1) !== last + 1) {
        await removeIfThere(lock.path, fileSystem)
        continue
      }
      const others = numbers.slice(0, -1).map((number) => lockPath(directory, number))
      const locked = await findRunning(others, fileSystem)
      if (locked !== undefined) {
        await removeIfThere(lock.path, fileSystem)
        throw locked
      }
      for (const path of others) await removeIfThere(path, fileSystem)
      return lock
    }
  }

  /** Who holds the lock, or undefined when it is free: never taken, released, or its owner is dead. */
  static async findOwner(
    directory: string,
    fileSystem: FileSystem,
    clock: Clock,
  ): Promise<(ProcessIdentity & { readonly path: string; readonly isRunning: boolean }) | undefined> {
    const last = (await lockNumbers(directory, fileSystem)).at(-1)
    if (last === undefined) return undefined
    const path = lockPath(directory, last)
    const owner = await readOwner(path, fileSystem, clock)
    return owner && { ...owner, path, isRunning: await isAlive(owner) }
  }

  /** @throws FileFailedError when another file, or none, stands in its place; Node's own errors */
  async check(): Promise<void> {
    const text = await readText(this.path, this.fileSystem)
    if (text !== this.text) throw new FileFailedError(this.path, { cause: NOT_OURS })
  }

  /** @throws PermissionDeniedError, DiskFullError, FileFailedError */
  async release(): Promise<void> {
    try {
      await this.check()
      const stand = this.standsAt === undefined ? '' : `${this.standsAt}\n`
      await writeText(this.fileSystem, this.path, 'r+', RELEASED + stand)
    } catch (error) {
      // A process that is out of descriptors goes on, and may open the log again.
      if (!isNotOurs(error)) await removeQuietly(this.fileSystem, this.path)
      throw fileError(this.path, error)
    } finally {
      this.given?.end()
    }
  }

  private async create(owner: ProcessIdentity): Promise<boolean> {
    this.text = `${JSON.stringify(owner)}\n`
    try {
      await writeText(this.fileSystem, this.path, 'wx', this.text)
      return true
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false
      // One that names nobody would look free to the next, and make everybody wait before that.
      await removeQuietly(this.fileSystem, this.path)
      throw fileError(this.path, error)
    }
  }
}

function isNotOurs(error: unknown): boolean {
  return error instanceof FileFailedError && error.cause === NOT_OURS
}

function lockPath(directory: string, number: number): string {
  return `${directory}/writer.${String(number).padStart(12, '0')}.lock`
}

async function lockNumbers(directory: string, fileSystem: FileSystem): Promise<number[]> {
  const names = (await fileSystem.list(directory).catch(ignoreMissing)) ?? []
  return names.flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b)
}

async function readOwner(
  path: string,
  fileSystem: FileSystem,
  clock: Clock,
): Promise<ProcessIdentity | undefined> {
  for (let waited = 0; ; waited += PAUSE_MS) {
    const text = await readText(path, fileSystem)
    if (text.startsWith(RELEASED)) return undefined
    const owner = parseOwner(text)
    if (owner !== undefined) return owner
    const stat = await fileSystem.stat(path).catch(ignoreMissing)
    // By a clock that was set back it would stay young, perhaps for years.
    const isOld = stat === undefined || clock.now() - stat.modifiedMs > EMPTY_MS || waited > EMPTY_MS
    if (isOld) return undefined
    await wait(PAUSE_MS)
  }
}

/**
 * Looks whether one of some lower locks has an owner that runs: one that seemed to die before it wrote its name, but was
 * slow, or is judged by a clock that is wrong, may have written it since, and looked for higher numbers before there was one.
 */
async function findRunning(
  paths: readonly string[],
  fileSystem: FileSystem,
): Promise<LogLockedError | undefined> {
  for (const path of paths) {
    const owner = parseOwner(await readText(path, fileSystem))
    if (owner !== undefined && (await isAlive(owner))) return new LogLockedError(path, owner)
  }
  return undefined
}

/** One that is not there is as good as released. */
function parseOwner(text: string): ProcessIdentity | undefined {
  try {
    const owner: unknown = JSON.parse(text)
    return isProcessIdentity(owner) ? owner : undefined
  } catch {
    return undefined
  }
}

/** What stands in a lock; one that is gone is as good as released. */
async function readText(path: string, fileSystem: FileSystem): Promise<string> {
  return (await fileSystem.readFile(path).catch(ignoreMissing))?.toString() ?? RELEASED
}

async function writeText(fileSystem: FileSystem, path: string, flags: string, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  const file = await fileSystem.open(path, flags)
  try {
    await writeFully(file, bytes)
  } finally {
    await file.close()
  }
}

async function removeIfThere(path: string, fileSystem: FileSystem): Promise<void> {
  await fileSystem.remove(path).catch(ignoreMissing)
}
