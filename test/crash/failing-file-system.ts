import { existsSync } from 'node:fs'
import { type File, type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'

/** A call of the file system that is about to be made. */
interface Call {
  readonly method: keyof FileSystem | keyof File
  readonly path: string
}

/** What becomes of a call: how much of it is done, and the error it ends with, if any. */
interface Effect {
  readonly done: 'nothing' | 'half' | 'all'
  readonly code?: string
}

/** What goes wrong when a file system fails. */
export interface Fault {
  readonly name: string
  /** The calls that are counted: it happens at the n-th of them. */
  readonly at: (call: Call) => boolean
  readonly effect: Effect
  /** What happens to the calls from there on. */
  readonly after?: (call: Call) => Effect | undefined
}

const isAny = () => true
const isWrite = ({ method }: Call) => method === 'write'
const needsRoom = ({ method, path }: Call) =>
  method === 'write' || method === 'makeDirectory' || (method === 'open' && !existsSync(path))
// Files of a dead process are closed, so it may do that much.
const whenDead = ({ method }: Call): Effect | undefined =>
  method === 'close' ? undefined : { done: 'nothing', code: 'DEAD' }

export const FAULTS: readonly Fault[] = [
  { name: 'death before a call', at: isAny, effect: { done: 'nothing', code: 'DEAD' }, after: whenDead },
  { name: 'death after a call', at: isAny, effect: { done: 'all', code: 'DEAD' }, after: whenDead },
  { name: 'death in a write', at: isWrite, effect: { done: 'half', code: 'DEAD' }, after: whenDead },
  { name: 'EIO', at: isAny, effect: { done: 'nothing', code: 'EIO' } },
  { name: 'EIO though it was done', at: isAny, effect: { done: 'all', code: 'EIO' } },
  { name: 'ENOSPC once', at: needsRoom, effect: { done: 'nothing', code: 'ENOSPC' } },
  {
    name: 'ENOSPC from then on',
    at: needsRoom,
    effect: { done: 'nothing', code: 'ENOSPC' },
    after: (call) => (needsRoom(call) ? { done: 'nothing', code: 'ENOSPC' } : undefined),
  },
  { name: 'a short write', at: isWrite, effect: { done: 'half' } },
  { name: 'a torn write', at: isWrite, effect: { done: 'half', code: 'EIO' } },
]

/** The real file system, in which the n-th of some calls goes wrong. */
export class FailingFileSystem implements FileSystem {
  /** How many calls that are counted there were until it failed. */
  seen = 0

  constructor(
    private readonly fault: Fault,
    private readonly nth: number,
    private readonly inner: FileSystem = nodeFileSystem,
  ) {}

  /** Whether there was such a call. */
  get hasFailed(): boolean {
    return this.seen >= this.nth
  }

  async open(path: string, flags: string | number, mode?: number): Promise<File> {
    let opened: File | undefined
    try {
      const file = await this.#pass('open', path, async () => {
        opened = await this.inner.open(path, flags, mode)
        return opened
      })
      return this.#failing(file, path)
    } catch (error) {
      // Nobody gets to hold it.
      await opened?.close()
      throw error
    }
  }

  readFile(path: string): Promise<Buffer> {
    return this.#pass('readFile', path, () => this.inner.readFile(path))
  }

  list(path: string): Promise<string[]> {
    return this.#pass('list', path, () => this.inner.list(path))
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.#pass('stat', path, () => this.inner.stat(path))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#pass('makeDirectory', path, () => this.inner.makeDirectory(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#pass('rename', from, () => this.inner.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#pass('remove', path, () => this.inner.remove(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#pass('syncDirectory', path, () => this.inner.syncDirectory(path))
  }

  #failing(file: File, path: string): File {
    return {
      write: (bytes, offset, length, position) =>
        this.#pass('write', path, (share) => file.write(bytes, offset, Math.ceil(length * share), position)),
      read: (bytes, offset, length, position) =>
        this.#pass('read', path, () => file.read(bytes, offset, length, position)),
      readNow: (bytes, offset, length, position) => {
        const effect = this.#effectOn({ method: 'readNow', path })
        if (effect?.code !== undefined) throw failure(effect.code, 'readNow', path)
        return file.readNow(bytes, offset, length, position)
      },
      truncate: (length) => this.#pass('truncate', path, () => file.truncate(length)),
      syncData: () => this.#pass('syncData', path, () => file.syncData()),
      sync: () => this.#pass('sync', path, () => file.sync()),
      size: () => this.#pass('size', path, () => file.size()),
      close: () => this.#pass('close', path, () => file.close()),
    }
  }

  async #pass<T>(method: Call['method'], path: string, work: (share: number) => Promise<T>): Promise<T> {
    const effect = this.#effectOn({ method, path })
    if (effect === undefined) return work(1)
    const result = effect.done === 'nothing' ? undefined : await work(effect.done === 'half' ? 0.5 : 1)
    if (effect.code !== undefined) {
      throw failure(effect.code, method, path)
    }
    // Without a code the work was done, if only half.
    return result as T
  }

  #effectOn(call: Call): Effect | undefined {
    if (this.hasFailed) return this.fault.after?.(call)
    if (!this.fault.at(call)) return undefined
    this.seen++
    return this.hasFailed ? this.fault.effect : undefined
  }
}

function failure(code: string, method: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${method} ${path}`), { code })
}
