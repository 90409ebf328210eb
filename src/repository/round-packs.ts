import { promisify } from 'node:util'
import { constants, inflate, type ZlibOptions } from 'node:zlib'
import { nodeFileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import type { GitObject, ObjectType } from './git-reader.ts'
import { objectId } from './object.ts'
import { offsetOf, offsetsOf, readEntryHeader } from './pack-lookup.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/**
 * Reads objects from the packs that busy rounds of seals leave, as `LooseObjects` reads loose ones: in the thread pool,
 * several at a time, without a git process. Packs with more objects, which maintenance makes, are left to git.
 *
 * It is a shortcut: whatever is unusual about a pack or an object, it is as if it were not there, and git is asked.
 */
export class RoundPacks {
  readonly #directory: string
  readonly #limitBytes: number
  /** By the names of indexes that were seen: undefined for those of large packs. */
  #indexes = new Map<string, Buffer | undefined>()
  #misses = 0

  constructor(gitDirectory: string, limitBytes: number) {
    this.#directory = `${gitDirectory}/objects/pack`
    this.#limitBytes = limitBytes
  }

  /** The object, if it is there, whole, not a delta, and not too large. */
  async find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    try {
      let place = this.#lookUp(oid)
      if (place === undefined && this.#isWorthListing()) {
        await this.#list()
        place = this.#lookUp(oid)
      }
      this.#misses = place === undefined ? this.#misses + 1 : 0
      return place === undefined ? undefined : await this.#read(oid, place, hasRoom)
    } catch {
      return undefined
    }
  }

  /** Where maintenance packed everything, looking for new packs again and again costs more than it finds. */
  #isWorthListing(): boolean {
    return this.#misses < MISSES || this.#misses % LIST_EVERY === 0
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
    const names = (await nodeFileSystem.list(this.#directory)).filter((name) => name.endsWith('.idx'))
    const read = async (name: string) => [name, await this.#readIndex(`${this.#directory}/${name}`)] as const
    const known = this.#indexes
    this.#indexes = new Map(
      await Promise.all(
        names.map((name) => (known.has(name) ? ([name, known.get(name)] as const) : read(name))),
      ),
    )
  }

  async #readIndex(path: string): Promise<Buffer | undefined> {
    const { size } = await nodeFileSystem.stat(path)
    return size > MOST_INDEX_BYTES ? undefined : nodeFileSystem.readFile(path)
  }

  async #read(oid: string, place: Place, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    const { name, index, offset } = place
    const pack = await this.#open(name)
    try {
      const next = Math.min(...[...offsetsOf(index)].filter((other) => other > offset))
      const end = Number.isFinite(next) ? next : (await pack.size()) - CHECKSUM_BYTES
      const deflatedBytes = end - offset
      if (!(deflatedBytes > 0 && deflatedBytes <= this.#limitBytes + HEAD_BYTES)) return undefined
      const head = Buffer.alloc(HEAD_BYTES)
      await pack.read(head, 0, HEAD_BYTES, offset)
      const header = readEntryHeader(head)
      const type = TYPES[header.type]
      if (type === undefined || !(header.size <= this.#limitBytes)) return undefined
      if (!hasRoom(header.size)) return NO_ROOM
      const deflated = Buffer.allocUnsafe(deflatedBytes)
      if ((await pack.read(deflated, 0, deflatedBytes, offset)) < deflatedBytes) return undefined
      const content = await inflateInPool(deflated.subarray(header.end), {
        // Its memory in one piece, and no more of it than was announced.
        chunkSize: Math.max(header.size, constants.Z_MIN_CHUNK),
        maxOutputLength: Math.max(header.size, 1),
      })
      return objectId(type, content) === oid ? { oid, type, content } : undefined
    } finally {
      await pack.close()
    }
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

interface Place {
  readonly name: string
  readonly index: Buffer
  readonly offset: number
}

const inflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(inflate)

/** A round has some 40 objects, of 28 bytes each in its index. */
const MOST_INDEX_BYTES = 8 << 10
/** After so many objects that were in none of them, packs are listed for each `LIST_EVERY`th only. */
const MISSES = 4
const LIST_EVERY = 64
const CHECKSUM_BYTES = 20
/** Enough for type and size. */
const HEAD_BYTES = 16
const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' }
