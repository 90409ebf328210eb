import type { File } from '../system/file-system.ts'
import type { GitObject } from './git-reader.ts'
import { inflateAnnounced } from './inflation.ts'
import { FULL_BATCH_BYTES, MAX_BATCH_BYTES } from './layout.ts'
import { applyDelta, readDeltaHead } from './pack-delta.ts'
import { isDelta, readDeltaBase, readEntryHeader, typeOf } from './pack-entry.ts'
import { nextOffset } from './pack-index.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/** An object whose id was not looked at. */
type PackedObject = Omit<GitObject, 'oid'>

/** What stands for an object in a pack. */
interface Entry {
  readonly offset: number
  readonly length: number
  /** All of it, or as much as is read at once. */
  readonly start: Buffer
  readonly header: ReturnType<typeof readEntryHeader>
}

/**
 * Reads objects from one pack that is open: those that are stored whole, and short chains of small deltas. Where an object
 * ends its index says, so that most take one call to the thread pool. What it leaves alone `PackedObjects` reads, or git.
 */
export class PackReader {
  readonly #pack: File
  readonly #index: Buffer
  readonly #limitBytes: number
  /** How many were built from. */
  deltas = 0

  constructor(pack: File, index: Buffer, limitBytes: number) {
    this.#pack = pack
    this.#index = index
    this.#limitBytes = limitBytes
  }

  /**
   * The object at a place; undefined where it is too large, or anything about it is unusual.
   *
   * @param chain how many deltas it may be away from an object that is stored whole
   */
  async read(
    offset: number,
    hasRoom: HasRoom,
    chain: number,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const entry = await this.#findEntry(offset, hasRoom)
    if (entry === undefined || entry === NO_ROOM) return entry
    if (isDelta(entry.header.type)) return this.#readDelta(entry, hasRoom, chain)
    return this.#readWhole(entry, hasRoom)
  }

  async #findEntry(offset: number, hasRoom: HasRoom): Promise<Entry | typeof NO_ROOM | undefined> {
    const next = nextOffset(this.#index, offset)
    const end = Number.isFinite(next) ? next : (await this.#pack.size()) - CHECKSUM_BYTES
    const length = end - offset
    if (!(length > 0 && length <= this.#limitBytes + HEAD_BYTES)) return undefined
    if (!hasRoom(length)) return NO_ROOM
    const start = await this.#readBytes(offset, Math.min(length, AT_ONCE))
    return start && { offset, length, start, header: readEntryHeader(start) }
  }

  async #readWhole(entry: Entry, hasRoom: HasRoom): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const { length, header } = entry
    const type = typeOf(header.type)
    if (type === undefined || !(header.size <= this.#limitBytes)) return undefined
    if (!hasRoom(length + header.size)) return NO_ROOM
    const content = await this.#inflate(entry, header.end)
    return content && { type, content }
  }

  async #readDelta(
    entry: Entry,
    hasRoom: HasRoom,
    chain: number,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const { offset, length, start, header } = entry
    const base = readDeltaBase(start, header, offset, this.#index)
    if (chain === 0 || header.size > MOST_DELTA_BYTES || base.offset === undefined) return undefined
    if (!hasRoom(length + header.size)) return NO_ROOM
    const delta = await this.#inflate(entry, base.end)
    if (delta === undefined) return undefined
    const { baseBytes, bytes } = readDeltaHead(delta)
    if (bytes > MOST_DELTA_BYTES) return undefined
    if (!hasRoom(baseBytes + delta.length + bytes)) return NO_ROOM
    this.deltas++
    const found = await this.read(base.offset, fitsBase, chain - 1)
    if (found === undefined || found === NO_ROOM) return undefined
    const content = applyDelta(found.content, delta)
    return content && { type: found.type, content }
  }

  /** What stands deflated in an entry, from a place in it on; undefined where the pack ends before. */
  async #inflate({ offset, length, start, header }: Entry, from: number): Promise<Buffer | undefined> {
    const deflated =
      start.length === length ? start.subarray(from) : await this.#readBytes(offset + from, length - from)
    return deflated && inflateAnnounced(deflated, header.size)
  }

  async #readBytes(offset: number, length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafe(length)
    return (await this.#pack.read(bytes, 0, length, offset)) < length ? undefined : bytes
  }
}

/** A delta that makes more is for git. Its base may be a full batch. */
const MOST_DELTA_BYTES = FULL_BATCH_BYTES
const fitsBase: HasRoom = (bytes) => bytes <= 2 * MAX_BATCH_BYTES
const CHECKSUM_BYTES = 20
/** Of an entry, before its deflated bytes: type, size, and the base of a delta. */
const HEAD_BYTES = 128
/** A call to the thread pool costs more than to read a full batch, which is about half as long. */
const AT_ONCE = 256 << 10
