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

/** Where an object stands in a pack, and what it begins with. */
interface Entry {
  readonly offset: number
  readonly end: number
  /** Its first bytes. */
  readonly head: Buffer
  readonly header: ReturnType<typeof readEntryHeader>
}

/** Reads objects from one pack that is open: those that are stored whole, and short chains of small deltas. */
export class PackReader {
  readonly #pack: File
  readonly #index: Buffer
  readonly #limitBytes: number

  constructor(pack: File, index: Buffer, limitBytes: number) {
    this.#pack = pack
    this.#index = index
    this.#limitBytes = limitBytes
  }

  /** The object at a place; undefined where it is too large, or anything about it is unusual. */
  read(offset: number, hasRoom: HasRoom): Promise<PackedObject | typeof NO_ROOM | undefined> {
    return this.#read(offset, hasRoom, MOST_DELTAS)
  }

  /** @param deltas how many deltas it may be away from an object that is stored whole */
  async #read(
    offset: number,
    hasRoom: HasRoom,
    deltas: number,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const entry = await this.#findEntry(offset)
    if (entry === undefined) return undefined
    if (isDelta(entry.header.type)) return this.#readDelta(entry, hasRoom, deltas)
    return this.#readWhole(entry, hasRoom)
  }

  async #findEntry(offset: number): Promise<Entry | undefined> {
    const next = nextOffset(this.#index, offset)
    const end = Number.isFinite(next) ? next : (await this.#pack.size()) - CHECKSUM_BYTES
    if (!(offset < end && end - offset <= this.#limitBytes + HEAD_BYTES)) return undefined
    const head = Buffer.alloc(HEAD_BYTES)
    await this.#pack.read(head, 0, HEAD_BYTES, offset)
    return { offset, end, head, header: readEntryHeader(head) }
  }

  async #readWhole(entry: Entry, hasRoom: HasRoom): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const { offset, end, header } = entry
    const type = typeOf(header.type)
    if (type === undefined || !(header.size <= this.#limitBytes)) return undefined
    if (!hasRoom(end - offset + header.size)) return NO_ROOM
    const content = await this.#inflate(entry, header.end)
    return content && { type, content }
  }

  async #readDelta(
    entry: Entry,
    hasRoom: HasRoom,
    deltas: number,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const { offset, end, head, header } = entry
    const base = readDeltaBase(head, header, offset, this.#index)
    if (deltas === 0 || header.size > MOST_DELTA_BYTES || base.offset === undefined) return undefined
    if (!hasRoom(end - offset + header.size)) return NO_ROOM
    const delta = await this.#inflate(entry, base.end)
    if (delta === undefined) return undefined
    const { baseBytes, bytes } = readDeltaHead(delta)
    if (bytes > MOST_DELTA_BYTES) return undefined
    if (!hasRoom(baseBytes + delta.length + bytes)) return NO_ROOM
    const found = await this.#read(base.offset, fitsBase, deltas - 1)
    if (found === undefined || found === NO_ROOM) return undefined
    const content = applyDelta(found.content, delta)
    return content && { type: found.type, content }
  }

  /** What stands deflated in an entry, from a place in it on; undefined where the pack ends before. */
  async #inflate({ offset, end, header }: Entry, from: number): Promise<Buffer | undefined> {
    const deflated = Buffer.allocUnsafe(end - offset - from)
    const count = await this.#pack.read(deflated, 0, deflated.length, offset + from)
    return count < deflated.length ? undefined : inflateAnnounced(deflated, header.size)
  }
}

/** A delta that is further from a whole object, or makes more, is for git. Its base may be a full batch. */
const MOST_DELTAS = 4
const MOST_DELTA_BYTES = FULL_BATCH_BYTES
const fitsBase: HasRoom = (bytes) => bytes <= 2 * MAX_BATCH_BYTES
const CHECKSUM_BYTES = 20
/** Enough for type, size, the base of a delta, and what that begins with. */
const HEAD_BYTES = 128
