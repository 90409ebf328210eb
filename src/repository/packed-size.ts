import { constants, inflateSync } from 'node:zlib'
import type { File, FileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import { ObjectCorruptError, ObjectTooLargeError } from './errors.ts'

/**
 * How large packed objects are, before their contents are read: an object of a gigabyte of zeros takes a
 * megabyte in a pack. Delta chains are followed to their base, so that what it takes to build a small object
 * from a huge one is known too. Keeps the indexes it has read.
 */
export class PackedSizes {
  private readonly indexes = new Map<string, Buffer>()

  constructor(
    private readonly gitDirectory: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /**
   * Looks whether an object can be built without holding more than a limit.
   *
   * @returns what it takes to build it; 0 for one that is in no pack
   * @throws ObjectTooLargeError
   * @throws ObjectCorruptError where a pack or its index is damaged
   */
  async check(oid: string, limitBytes: number): Promise<number> {
    try {
      return await this.checkPacks(oid, limitBytes)
    } catch (error) {
      // A pack that was merged into another one meanwhile: whoever reads the object finds it there.
      if (errorCode(error) === 'ENOENT') return 0
      if (!isDamage(error)) throw error
      throw new ObjectCorruptError(oid, 'its pack, or the index of it, is damaged', { cause: error })
    }
  }

  private async checkPacks(oid: string, limitBytes: number): Promise<number> {
    let largest = 0
    const directory = `${this.gitDirectory}/objects/pack`
    const names = await this.fileSystem.list(directory)
    for (const name of names.filter((name) => name.endsWith('.idx'))) {
      const index = this.indexes.get(name) ?? (await this.fileSystem.readFile(`${directory}/${name}`))
      this.indexes.set(name, index)
      const offset = offsetOf(index, oid)
      if (offset === undefined) continue
      const pack = await this.fileSystem.open(`${directory}/${name.slice(0, -'.idx'.length)}.pack`, 'r')
      try {
        const size = await largestInChain(pack, index, offset)
        if (size > limitBytes) throw new ObjectTooLargeError(oid, size, limitBytes)
        largest = Math.max(largest, size)
      } finally {
        await pack.close()
      }
    }
    return largest
  }
}

/** What reading past an end and inflating what was not deflated throw. */
function isDamage(error: unknown): boolean {
  return error instanceof RangeError || /^Z_/.test(errorCode(error) ?? '')
}

const MAGIC = 0xff744f63
const FAN_OUT = 8
const OIDS = FAN_OUT + 256 * 4
const OID_BYTES = 20
const BIT_31 = 0x8000_0000

/** Where an object stands in a pack, from the index of version 2; undefined if it is not in it. */
function offsetOf(index: Buffer, oid: string): number | undefined {
  if (index.length < OIDS || index.readUInt32BE(0) !== MAGIC) return undefined
  const count = index.readUInt32BE(OIDS - 4)
  const wanted = Buffer.from(oid, 'hex')
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = OIDS + middle * OID_BYTES
    const order = wanted.compare(index, at, at + OID_BYTES)
    if (order === 0) return readOffset(index, count, middle)
    if (order < 0) high = middle
    else low = middle + 1
  }
  return undefined
}

function readOffset(index: Buffer, count: number, at: number): number {
  const offsets = OIDS + count * (OID_BYTES + 4)
  const offset = index.readUInt32BE(offsets + at * 4)
  if (offset < BIT_31) return offset
  return Number(index.readBigUInt64BE(offsets + count * 4 + (offset - BIT_31) * 8))
}

/** Longer than any that git makes. */
const LONGEST_CHAIN = 4096
const DELTA_BY_OFFSET = 6
const DELTA_BY_OID = 7

async function largestInChain(pack: File, index: Buffer, start: number): Promise<number> {
  let largest = 0
  let offset = start
  for (let length = 0; length < LONGEST_CHAIN; length++) {
    const head = Buffer.alloc(HEAD_BYTES)
    await pack.read(head, 0, HEAD_BYTES, offset)
    const { type, size, end } = readHeader(head)
    largest = Math.max(largest, size)
    if (type !== DELTA_BY_OFFSET && type !== DELTA_BY_OID) return largest
    const base = type === DELTA_BY_OID ? readBaseOid(head, end, index) : readBaseOffset(head, end, offset)
    largest = Math.max(largest, ...deltaSizes(head.subarray(base.end)))
    if (base.offset === undefined) return largest
    offset = base.offset
  }
  return largest
}

/** Enough for two numbers, an id, and the beginning of a delta. */
const HEAD_BYTES = 128

function readHeader(bytes: Buffer): { readonly type: number; readonly size: number; readonly end: number } {
  let end = 0
  let byte = bytes[end++]!
  const type = (byte >> 4) & 7
  let size = byte & 15
  for (let factor = 16; byte & 128; factor *= 128) {
    byte = bytes[end++]!
    size += (byte & 127) * factor
  }
  return { type, size, end }
}

function readBaseOid(bytes: Buffer, at: number, index: Buffer) {
  const end = at + OID_BYTES
  return { offset: offsetOf(index, bytes.toString('hex', at, end)), end }
}

function readBaseOffset(bytes: Buffer, at: number, offset: number) {
  let end = at
  let byte = bytes[end++]!
  let back = byte & 127
  while (byte & 128) {
    byte = bytes[end++]!
    back = (back + 1) * 128 + (byte & 127)
  }
  return { offset: offset - back, end }
}

/** The sizes of what a delta is made from and of what it makes, which stand at its beginning. */
function deltaSizes(deflated: Buffer): number[] {
  const start = inflateSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 20 })
  const sizes: number[] = []
  let at = 0
  for (let number = 0; number < 2; number++) {
    let size = 0
    let factor = 1
    let byte = 128
    while (byte & 128 && at < start.length) {
      byte = start[at++]!
      size += (byte & 127) * factor
      factor *= 128
    }
    sizes.push(size)
  }
  return sizes
}
