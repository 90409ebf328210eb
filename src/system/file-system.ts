import * as callbacks from 'node:fs'
import { constants, promises } from 'node:fs'
import { dirname } from 'node:path'

/**
 * What Memoir asks of a file system: the port through which every byte that has to survive goes,
 * so that a test can count the calls, fail the n-th one, or lose what was not synced.
 *
 * Methods reject with Node's own errors (`code: 'ENOENT'`, `'ENOSPC'` …).
 */
export interface FileSystem {
  /**
   * Opens a file. `flags` are the `constants` of `node:fs`, or a string such as `'r'` or `'wx'`. With `'r'` a pipe is
   * opened at once, and cannot be read from, as it has no positions.
   */
  open(path: string, flags: string | number, mode?: number): Promise<File>
  readFile(path: string): Promise<Buffer>
  /** Names in a directory, unsorted. */
  list(path: string): Promise<string[]>
  stat(path: string): Promise<FileStat>
  /** Creates a directory and its missing parents; an existing one is fine. */
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes the names in a directory durable: needed after each creation, renaming or removal in it. */
  syncDirectory(path: string): Promise<void>
}

/** An open file. Writes are positioned; the count they return has to be checked by the caller. */
export interface File {
  /** Returns how many bytes were written: at a full disk that can be fewer than asked, without an error. */
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Returns how many bytes were read: 0 at the end of the file. */
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** As `read`, at once: the thread waits. For what a synchronous call needs and the memory does not hold. */
  readNow(bytes: Uint8Array, offset: number, length: number, position: number): number
  truncate(length: number): Promise<void>
  /** fdatasync: contents and length. */
  syncData(): Promise<void>
  /** fsync: contents and all metadata. */
  sync(): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly size: number
  readonly modifiedMs: number
}

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  async open(path, flags, mode) {
    // Opening a pipe to read would wait for who writes to it.
    return new NodeFile(await openDescriptor(path, flags === 'r' ? READ_AT_ONCE : flags, mode))
  },
  readFile: readOrdinaryFile,
  list: (path) => promises.readdir(path),
  async stat(path) {
    const stat = await promises.stat(path)
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
    return { kind, size: stat.size, modifiedMs: stat.mtimeMs }
  },
  makeDirectory,
  rename: (from, to) => promises.rename(from, to),
  remove: (path) => promises.unlink(path),
  async syncDirectory(path) {
    const handle = await promises.open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/**
 * As Node's `readFile`, in as many calls, but for ordinary files alone. A pipe would never be opened, and the thread that
 * waits for that would keep the process from ending; a device has no end.
 */
async function readOrdinaryFile(path: string): Promise<Buffer> {
  const handle = await promises.open(path, READ_AT_ONCE)
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw notAFile(path, stat.isDirectory())
    if (stat.size > LARGEST_FILE)
      throw new RangeError(`${path} has ${stat.size} bytes, too many to be read at once`)
    const bytes = Buffer.allocUnsafeSlow(stat.size)
    let used = 0
    for (let read = -1; read !== 0 && used < bytes.length; used += read) {
      read = (await handle.read(bytes, used, bytes.length - used)).bytesRead
    }
    return bytes.subarray(0, used)
  } finally {
    await handle.close()
  }
}

const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK

/** Node reads no more at once. */
const LARGEST_FILE = 2 ** 31 - 1

function notAFile(path: string, isDirectory: boolean): NodeJS.ErrnoException {
  const code = isDirectory ? 'EISDIR' : 'EINVAL'
  return Object.assign(new Error(`${code}: not a file, read '${path}'`), { code, path })
}

/**
 * Node's own way of making parents never ends where a name cannot be made though its parent is there: below `/proc`, or
 * where something mounts by itself and cannot.
 */
async function makeDirectory(path: string): Promise<void> {
  const failure = await tryMakingDirectory(path)
  const parent = dirname(path)
  if (failure?.code !== 'ENOENT' || parent === path) {
    if (failure !== undefined) throw failure
    return
  }
  await makeDirectory(parent)
  const second = await tryMakingDirectory(path)
  if (second !== undefined) throw second
}

async function tryMakingDirectory(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await promises.mkdir(path)
    return undefined
  } catch (error) {
    const isThere = await promises.stat(path).then(
      (stat) => stat.isDirectory(),
      () => false,
    )
    return isThere ? undefined : (error as NodeJS.ErrnoException)
  }
}

// Plain descriptors and callbacks: a write through a promise-based FileHandle costs 20 to 30 µs more,
// a tenth of a durable append.
class NodeFile implements File {
  constructor(private readonly descriptor: number) {}

  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      callbacks.write(this.descriptor, bytes, offset, length, position, (error, written) =>
        error ? reject(error) : resolve(written),
      )
    })
  }

  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      callbacks.read(this.descriptor, bytes, offset, length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      )
    })
  }

  readNow(bytes: Uint8Array, offset: number, length: number, position: number): number {
    return callbacks.readSync(this.descriptor, bytes, offset, length, position)
  }

  truncate(length: number): Promise<void> {
    return settle((done) => callbacks.ftruncate(this.descriptor, length, done))
  }

  syncData(): Promise<void> {
    return settle((done) => callbacks.fdatasync(this.descriptor, done))
  }

  sync(): Promise<void> {
    return settle((done) => callbacks.fsync(this.descriptor, done))
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      callbacks.fstat(this.descriptor, (error, stat) => (error ? reject(error) : resolve(stat.size)))
    })
  }

  close(): Promise<void> {
    return settle((done) => callbacks.close(this.descriptor, done))
  }
}

function openDescriptor(path: string, flags: string | number, mode?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    callbacks.open(path, flags, mode, (error, descriptor) => (error ? reject(error) : resolve(descriptor)))
  })
}

function settle(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())))
}
