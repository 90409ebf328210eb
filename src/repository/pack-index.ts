import { createHash } from 'node:crypto'

// The index of a pack, version 2, as gitformat-pack(5) describes it: magic, version, 256 cumulative counts, then ids,
// checksums and offsets, each in the order of the ids.
const MAGIC = 0xff744f63
const VERSION = 2
const FAN_OUT = 8
const OIDS = FAN_OUT + 256 * 4
const OID_BYTES = 20
const BIT_31 = 0x8000_0000

/** An object of a pack. */
export interface IndexEntry {
  readonly oid: string
  /** CRC-32 of the entry as it stands in the pack. */
  readonly checksum: number
  readonly offset: number
}

/** Fan-out, ids, checksums, offsets, each in the order of the ids; the checksum of the pack, and its own. */
export function encodePackIndex(entries: readonly IndexEntry[], packChecksum: Buffer): Buffer {
  const sorted = [...entries].sort((left, right) => (left.oid < right.oid ? -1 : 1))
  const count = sorted.length
  const checksums = OIDS + count * OID_BYTES
  const offsets = checksums + count * 4
  const end = offsets + count * 4
  const index = Buffer.alloc(end + 2 * OID_BYTES)
  index.writeUInt32BE(MAGIC, 0)
  index.writeUInt32BE(VERSION, 4)
  sorted.forEach(({ oid, checksum, offset }, at) => {
    index.write(oid, OIDS + at * OID_BYTES, 'hex')
    index.writeUInt32BE(checksum, checksums + at * 4)
    index.writeUInt32BE(offset, offsets + at * 4)
  })
  // How many ids begin with this byte or a smaller one.
  for (let byte = 0, below = 0; byte < 256; byte++) {
    while (below < count && index[OIDS + below * OID_BYTES]! <= byte) below++
    index.writeUInt32BE(below, FAN_OUT + byte * 4)
  }
  packChecksum.copy(index, end)
  createHash('sha1')
    .update(index.subarray(0, end + OID_BYTES))
    .digest()
    .copy(index, end + OID_BYTES)
  return index
}

/** Whether bytes are such an index, as long as its count says. */
export function isPackIndex(bytes: Buffer): boolean {
  const isIndex = bytes.length >= OIDS && bytes.readUInt32BE(0) === MAGIC && bytes.readUInt32BE(4) === VERSION
  return isIndex && bytes.length >= OIDS + countOf(bytes) * (OID_BYTES + 8) + 2 * OID_BYTES
}

function countOf(index: Buffer): number {
  return index.readUInt32BE(OIDS - 4)
}

/** The ids of the objects in a pack, in order. @throws RangeError for bytes that are no such index */
export function* oidsOf(index: Buffer): Generator<string, void> {
  if (!isPackIndex(index)) throw new RangeError('not the index of a pack')
  const end = OIDS + countOf(index) * OID_BYTES
  for (let at = OIDS; at < end; at += OID_BYTES) yield index.toString('hex', at, at + OID_BYTES)
}

/** Where an object stands in a pack, undefined if it is not in it. */
export function offsetOf(index: Buffer, oid: string): number | undefined {
  if (index.length < OIDS || index.readUInt32BE(0) !== MAGIC) return undefined
  const count = countOf(index)
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

/** Where the next object of a pack begins after one that begins at an offset; Infinity after the last. Looks at all of them. */
export function nextOffset(index: Buffer, offset: number): number {
  const count = countOf(index)
  let next = Number.POSITIVE_INFINITY
  for (let at = 0; at < count; at++) {
    const other = readOffset(index, count, at)
    if (other > offset && other < next) next = other
  }
  return next
}
