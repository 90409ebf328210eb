import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'

/*
 * A snapshot file, all numbers little-endian:
 *
 *    0  8 bytes   magic
 *    8  uint32    format of the file
 *   12  uint32    CRC-32 of everything from byte 16 on
 *   16  uint32    length of the header
 *   20  uint32    number of parts
 *   24  40 bytes  id of a commit that holds the events up to the position
 *   64  float64   length of each part
 *       header as JSON, then the parts, each from a multiple of 8 on, so that typed arrays can lie on them
 */
const MAGIC = Buffer.from('memoir\0S')
const FORMAT = 1
const CHECKED_FROM = 16
const COMMIT_FROM = 24
const LENGTHS_FROM = 64
const ALIGNMENT = 8

/** Says what a snapshot is of. Anything that does not fit makes it void. */
export interface SnapshotHeader {
  readonly kind: 'projection' | 'index'
  /** Of the projection; empty for the index. */
  readonly name: string
  /** Of the projection, or of what the index holds. */
  readonly version: number
  /** The log's id, from its manifest. */
  readonly log: string
  readonly position: number
  /** What wrote the parts: they are read by the same only. */
  readonly encoding: string
}

/** What was read from a snapshot file. */
export interface SnapshotFile {
  readonly header: SnapshotHeader
  /** Holds the events up to the position. */
  readonly commit: string
  /** Views on the bytes of the file. */
  readonly parts: readonly Buffer[]
}

/** How this process writes what is in a snapshot: the serialisation format belongs to the version of V8. */
export const ENCODING = `v8 ${process.versions.v8} ${endianness()}`

/**
 * Makes the bytes of a snapshot file, all but the commit: it may not be known yet when a state is taken.
 * Copies the parts, so they may change afterwards.
 */
export function encodeSnapshot(header: SnapshotHeader, parts: readonly (readonly Uint8Array[])[]): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const lengths = parts.map((pieces) => pieces.reduce((sum, { byteLength }) => sum + byteLength, 0))
  const headerFrom = LENGTHS_FROM + lengths.length * 8
  let at = aligned(headerFrom + json.length)
  const size = lengths.reduce((end, length) => aligned(end + length), at)

  const file = Buffer.alloc(size)
  MAGIC.copy(file)
  file.writeUInt32LE(FORMAT, 8)
  file.writeUInt32LE(json.length, 16)
  file.writeUInt32LE(lengths.length, 20)
  lengths.forEach((length, part) => {
    file.writeDoubleLE(length, LENGTHS_FROM + part * 8)
  })
  json.copy(file, headerFrom)
  for (const pieces of parts) {
    for (const piece of pieces) {
      file.set(piece, at)
      at += piece.byteLength
    }
    at = aligned(at)
  }
  return file
}

/** Puts the commit and the checksum into the bytes of a snapshot file: then it is complete. */
export function completeSnapshot(file: Buffer, commit: string): void {
  file.write(commit, COMMIT_FROM, LENGTHS_FROM - COMMIT_FROM, 'latin1')
  file.writeUInt32LE(crc32(file.subarray(CHECKED_FROM)), 12)
}

/**
 * Reads the bytes of a snapshot file; undefined unless they are whole, to the bit.
 *
 * @param file begins at a multiple of 8 in its memory
 */
export function decodeSnapshot(file: Buffer): SnapshotFile | undefined {
  if (file.length < LENGTHS_FROM || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  if (file.readUInt32LE(8) !== FORMAT) return undefined
  if (file.readUInt32LE(12) !== crc32(file.subarray(CHECKED_FROM))) return undefined
  const headerFrom = LENGTHS_FROM + file.readUInt32LE(20) * 8
  const headerTo = headerFrom + file.readUInt32LE(16)
  // The checksum fits, so what follows is as it was written.
  const header: SnapshotHeader = JSON.parse(file.toString('utf8', headerFrom, headerTo))
  const parts: Buffer[] = []
  let at = aligned(headerTo)
  for (let lengthAt = LENGTHS_FROM; lengthAt < headerFrom; lengthAt += 8) {
    const length = file.readDoubleLE(lengthAt)
    parts.push(file.subarray(at, at + length))
    at = aligned(at + length)
  }
  return { header, commit: file.toString('latin1', COMMIT_FROM, LENGTHS_FROM), parts }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}
