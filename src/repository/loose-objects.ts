import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, inflate, inflateSync, type ZlibOptions } from 'node:zlib'
import { nodeFileSystem } from '../system/file-system.ts'
import type { GitObject, ObjectType } from './git-reader.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/**
 * Reads objects that stand in files of their own, which are those that were written last: inflated in Node's
 * thread pool, several at a time, without a git process. A MiB costs the main thread 0.7 ms, its SHA-1.
 *
 * It is a shortcut: whatever is unusual about an object, it is as if it were not there, and git is asked.
 */
export class LooseObjects {
  readonly #directory: string
  readonly #limitBytes: number
  #misses = 0

  constructor(gitDirectory: string, limitBytes: number) {
    this.#directory = `${gitDirectory}/objects`
    this.#limitBytes = limitBytes
  }

  /** The object, if it is there, whole, and not too large. */
  find(oid: string): Promise<GitObject | undefined>
  find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM>
  async find(oid: string, hasRoom: HasRoom = () => true): Promise<GitObject | undefined | typeof NO_ROOM> {
    // In a repository that was packed, looking for files that are not there costs more than reading the pack.
    if (this.#misses >= MISSES && this.#misses++ % LOOK_EVERY !== 0) return undefined
    const object = await this.#read(oid, hasRoom).catch(() => undefined)
    this.#misses = object === undefined ? this.#misses + 1 : 0
    return object
  }

  /** Says that the repository was not packed by maintenance: the next object may well be loose. */
  expectMore(): void {
    this.#misses = 0
  }

  async #read(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    const path = `${this.#directory}/${oid.slice(0, 2)}/${oid.slice(2)}`
    const { kind, size: deflatedBytes } = await nodeFileSystem.stat(path)
    if (kind !== 'file' || deflatedBytes > this.#limitBytes) return undefined
    if (deflatedBytes > FEW_BYTES) {
      const announced = await looseObjectSize(this.#directory, oid)
      if (announced !== undefined && !hasRoom(announced)) return NO_ROOM
    }
    const deflated = await nodeFileSystem.readFile(path)
    const start = inflateSync(deflated.subarray(0, START_BYTES), INFLATE_START)
    const [header, type, digits] = HEADER.exec(start.toString('latin1')) ?? []
    const size = Number(digits)
    if (header === undefined || !(size <= this.#limitBytes)) return undefined
    if (!hasRoom(size)) return NO_ROOM
    const framedBytes = header.length + size
    const framed = await inflateInPool(deflated, {
      // Its memory in one piece, and no more of it than was announced.
      chunkSize: Math.max(framedBytes, constants.Z_MIN_CHUNK),
      maxOutputLength: framedBytes,
    })
    const isWhole = createHash('sha1').update(framed).digest('hex') === oid
    // HEADER admits no type but the four.
    return isWhole ? { oid, type: type as ObjectType, content: framed.subarray(header.length) } : undefined
  }
}

/**
 * The size that a loose object announces; undefined if there is none that can be made out. Reads 128 bytes.
 *
 * @param directory the folder `objects`
 */
export async function looseObjectSize(directory: string, oid: string): Promise<number | undefined> {
  const path = `${directory}/${oid.slice(0, 2)}/${oid.slice(2)}`
  const file = await nodeFileSystem.open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const deflated = Buffer.alloc(START_BYTES)
    const count = await file.read(deflated, 0, START_BYTES, 0)
    const start = inflateSync(deflated.subarray(0, count), INFLATE_START)
    const digits = HEADER.exec(start.toString('latin1'))?.[2]
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

const inflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(inflate)

/** After so many objects that were not there, only every `LOOK_EVERY`th is looked for. */
const MISSES = 4
const LOOK_EVERY = 64
/** The size of an object whose file has more is looked at before the file is read. */
const FEW_BYTES = 64 << 10
/** Enough to hold the header. */
const START_BYTES = 128
const INFLATE_START = { finishFlush: constants.Z_SYNC_FLUSH }
const HEADER = /^(blob|tree|commit|tag) (0|[1-9]\d*)\0/
