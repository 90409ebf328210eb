import { promisify } from 'node:util'
import { constants, inflate, type ZlibOptions } from 'node:zlib'
import { type File, nodeFileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import type { GitObject } from './git-reader.ts'
import { FULL_BATCH_BYTES, MAX_BATCH_BYTES } from './layout.ts'
import { objectId } from './object.ts'
import { applyDelta, readDeltaHead } from './pack-delta.ts'
import { isDelta, readDeltaBase, readEntryHeader, typeOf } from './pack-entry.ts'
import { isPackIndex, nextOffset, offsetOf } from './pack-index.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/**
 * Reads objects from packs with few of them, such as those that seals leave and clones of logs with large batches have,
 * as `LooseObjects` reads loose ones: in the thread pool, several at a time, without a git process.
 *
 * It is a shortcut: whatever is unusual about a pack or an object, it is as if it were not there, and git is asked. So
 * it is for large deltas, too: git keeps what they are based on, and looks at each part of a chain once.
 */
export class SmallPacks {
  readonly #directory: string
  readonly #limitBytes: number
  /** By the names of indexes that were seen: undefined for those of large packs, and for what is none. */
  #indexes = new Map<string, Buffer | undefined>()
  #listing: Promise<void> | undefined
  #misses = 0

  constructor(gitDirectory: string, limitBytes: number) {
    this.#directory = `${gitDirectory}/objects/pack`
    this.#limitBytes = limitBytes
  }

  /** The object, if it is there, sound, and not too large. */
  async find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    // Where git has to be asked for one object after the other, looking here first costs more than it finds.
    if (this.#misses >= MISSES && this.#misses++ % LOOK_EVERY !== 0) return undefined
    const object = await this.#find(oid, hasRoom).catch(() => undefined)
    this.#misses = object === undefined ? this.#misses + 1 : 0
    return object
  }

  async #find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    let place = this.#lookUp(oid)
    if (place === undefined) {
      this.#listing ??= this.#list().finally(() => {
        this.#listing = undefined
      })
      await this.#listing
      place = this.#lookUp(oid)
    }
    return place && this.#read(oid, place, hasRoom)
  }

  #lookUp(oid: string): Place | undefined {
    for (const [name, index] of this.#indexes) {
      const offset = index === undefined ? undefined : offsetOf(index, oid)
      if (index !== undefined && offset !== undefined) return { name, index, offset }
    }
    return undefined
  }

  /** Takes in which packs came and went: the listing of a folder, where none did. */
  async #list(): Promise<void> {
    const found = (await nodeFileSystem.list(this.#directory)).filter((name) => name.endsWith('.idx'))
    // So many are of a log without maintenance, or of somebody who wants them in memory: for git.
    const names = found.length > MOST_PACKS ? [] : found
    const read = async (name: string) =>
      [name, await this.#readIndex(`${this.#directory}/${name}`).catch(() => undefined)] as const
    const known = this.#indexes
    this.#indexes = new Map(
      await Promise.all(
        names.map((name) => (known.has(name) ? ([name, known.get(name)] as const) : read(name))),
      ),
    )
  }

  async #readIndex(path: string): Promise<Buffer | undefined> {
    const { kind, size } = await nodeFileSystem.stat(path)
    const pack = await nodeFileSystem.stat(path.replace(/idx$/, 'pack'))
    // Opening what is no file, such as a named pipe, may never end.
    if (kind !== 'file' || pack.kind !== 'file' || size > MOST_INDEX_BYTES) return undefined
    const bytes = await nodeFileSystem.readFile(path)
    return isPackIndex(bytes) ? bytes : undefined
  }

  async #read(oid: string, { name, index, offset }: Place, hasRoom: HasRoom) {
    const pack = await this.#open(name)
    try {
      const object = await this.#readEntry({ pack, index }, offset, hasRoom, MOST_DELTAS)
      if (object === undefined || object === NO_ROOM) return object
      return objectId(object.type, object.content) === oid ? { oid, ...object } : undefined
    } finally {
      await pack.close()
    }
  }

  /** @param deltas how many deltas it may be away from an object that is stored whole */
  async #readEntry(
    source: PackToRead,
    offset: number,
    hasRoom: HasRoom,
    deltas: number,
  ): Promise<Omit<GitObject, 'oid'> | typeof NO_ROOM | undefined> {
    const { pack, index } = source
    const next = nextOffset(index, offset)
    const end = Number.isFinite(next) ? next : (await pack.size()) - CHECKSUM_BYTES
    if (!(offset < end && end - offset <= this.#limitBytes + HEAD_BYTES)) return undefined
    const head = Buffer.alloc(HEAD_BYTES)
    await pack.read(head, 0, HEAD_BYTES, offset)
    const header = readEntryHeader(head)
    if (isDelta(header.type)) {
      const base = readDeltaBase(head, header, offset, index)
      if (deltas === 0 || header.size > MOST_DELTA_BYTES || base.offset === undefined) return undefined
      if (!hasRoom(end - offset + header.size)) return NO_ROOM
      const delta = await inflateEntry(pack, offset + base.end, end, header.size)
      if (delta === undefined) return undefined
      const { baseBytes, bytes } = readDeltaHead(delta)
      if (bytes > MOST_DELTA_BYTES) return undefined
      if (!hasRoom(baseBytes + delta.length + bytes)) return NO_ROOM
      const found = await this.#readEntry(source, base.offset, fitsBase, deltas - 1)
      if (found === undefined || found === NO_ROOM) return undefined
      const content = applyDelta(found.content, delta)
      return content && { type: found.type, content }
    }
    const type = typeOf(header.type)
    if (type === undefined || !(header.size <= this.#limitBytes)) return undefined
    if (!hasRoom(end - offset + header.size)) return NO_ROOM
    const content = await inflateEntry(pack, offset + header.end, end, header.size)
    return content && { type, content }
  }

  /** One that was merged is forgotten, so that the next look is for where its objects are now. */
  async #open(name: string) {
    try {
      return await nodeFileSystem.open(`${this.#directory}/${name.replace(/idx$/, 'pack')}`, 'r')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') this.#indexes.delete(name)
      throw error
    }
  }
}

/** A pack, and its index. */
interface PackToRead {
  readonly pack: File
  readonly index: Buffer
}

/** What stands deflated from one place to another; undefined where the pack ends before. */
async function inflateEntry(pack: File, from: number, to: number, size: number): Promise<Buffer | undefined> {
  const deflated = Buffer.allocUnsafe(to - from)
  if ((await pack.read(deflated, 0, deflated.length, from)) < deflated.length) return undefined
  return inflateInPool(deflated, {
    // Its memory in one piece, and no more of it than was announced.
    chunkSize: Math.max(size, constants.Z_MIN_CHUNK),
    maxOutputLength: Math.max(size, 1),
  })
}

interface Place {
  readonly name: string
  readonly index: Buffer
  readonly offset: number
}

const inflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(inflate)

/** Of 28 bytes for each object: 2,300, which a million events in large batches have. */
const MOST_INDEX_BYTES = 64 << 10
const MOST_PACKS = 128
/** A delta that is further from a whole object, or makes more, is for git. Its base may be a full batch. */
const MOST_DELTAS = 4
const MOST_DELTA_BYTES = FULL_BATCH_BYTES
const fitsBase: HasRoom = (bytes) => bytes <= 2 * MAX_BATCH_BYTES
/** After so many objects that were not found, only every `LOOK_EVERY`th is looked for. */
const MISSES = 4
const LOOK_EVERY = 64
const CHECKSUM_BYTES = 20
/** Enough for type, size, the base of a delta, and what that begins with. */
const HEAD_BYTES = 128
