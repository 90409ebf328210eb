import { objectHeader } from './object.ts'
import type { DeflatedObject } from './pack.ts'

/**
 * The loose file of an object, from its content that was deflated for a pack: the header becomes a block of its own,
 * as it is, before the blocks of the content, and the checksum at the end takes it in. So whoever deflates need not
 * know which of the two it will be. Formats: RFC 1950 and 1951.
 */
export function looseFile({ object: { type, content }, deflated }: DeflatedObject): Buffer {
  const header = objectHeader(type, content.length)
  const block = Buffer.alloc(BLOCK_HEAD_BYTES)
  // The first byte says that the block is not the last one, and not deflated.
  block.writeUInt16LE(header.length, 1)
  block.writeUInt16LE(~header.length & 0xffff, 3)
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  const blocksEnd = deflated.length - CHECKSUM_BYTES
  checksum.writeUInt32BE(joinChecksums(header, deflated.readUInt32BE(blocksEnd), content.length))
  return Buffer.concat([
    deflated.subarray(0, ZLIB_HEAD_BYTES),
    block,
    header,
    deflated.subarray(ZLIB_HEAD_BYTES, blocksEnd),
    checksum,
  ])
}

const ZLIB_HEAD_BYTES = 2
const BLOCK_HEAD_BYTES = 5
const CHECKSUM_BYTES = 4
const ADLER_BASE = 65_521

/** The Adler-32 of some bytes and of what follows on them, of which only the checksum and the length are known. */
function joinChecksums(bytes: Uint8Array, nextChecksum: number, nextLength: number): number {
  let sum = 1
  let sumOfSums = 0
  for (const byte of bytes) {
    sum = (sum + byte) % ADLER_BASE
    sumOfSums = (sumOfSums + sum) % ADLER_BASE
  }
  const before = sum - 1 + ADLER_BASE
  const joined = (before + (nextChecksum & 0xffff)) % ADLER_BASE
  const joinedOfSums = (sumOfSums + (nextChecksum >>> 16) + before * (nextLength % ADLER_BASE)) % ADLER_BASE
  return joinedOfSums * 0x1_0000 + joined
}
