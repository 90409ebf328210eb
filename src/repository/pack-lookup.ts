const MAGIC = 0xff744f63
const FAN_OUT = 8
const OIDS = FAN_OUT + 256 * 4
const OID_BYTES = 20
const BIT_31 = 0x8000_0000

/** Where an object stands in a pack, from the index of version 2; undefined if it is not in it. */
export function offsetOf(index: Buffer, oid: string): number | undefined {
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

/** Where all objects of a pack begin, in the order of their ids. */
export function* offsetsOf(index: Buffer): Generator<number, void> {
  const count = index.readUInt32BE(OIDS - 4)
  for (let at = 0; at < count; at++) yield readOffset(index, count, at)
}

/** What an object in a pack begins with: `type` is a number of gitformat-pack(5), `end` where the header does. */
export function readEntryHeader(bytes: Buffer): {
  readonly type: number
  readonly size: number
  readonly end: number
} {
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
