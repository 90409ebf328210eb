import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'

/*
 * A snapshot file is a head, then pieces without a gap. All numbers are little-endian:
 *
 *    0  8 bytes   magic
 *    8  uint32    format of the file
 *   12  uint32    CRC-32 of the head from byte 16 on
 *   16  uint32    length of the header text
 *   20  uint32    number of pieces
 *   24  40 bytes  id of a commit that holds the events up to the position
 *   64            for each piece: uint32 its length, uint32 its CRC-32, uint32 the part that it belongs to
 *       header as JSON
 */
const MAGIC = Buffer.from('memoir\0S')
const FORMAT = 2
const CHECKED_FROM = 16
const COMMIT_FROM = 24
const COMMIT_TO = 64
const ENTRY_BYTES = 12

/** As many bytes tell how long a head is. */
export const HEAD_START = COMMIT_TO

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

/** A piece of one part of a snapshot. */
export interface PieceEntry {
  readonly part: number
  readonly length: number
  readonly checksum: number
}

export interface SnapshotHead {
  readonly header: SnapshotHeader
  /** Holds the events up to the position. */
  readonly commit: string
  readonly pieces: readonly PieceEntry[]
}

/** How this process writes what is in a snapshot: the serialisation format belongs to the version of V8. */
export const ENCODING = `v8 ${process.versions.v8} ${endianness()}`

/** How many bytes a head takes. */
export function headLength(header: SnapshotHeader, pieces: number): number {
  return COMMIT_TO + pieces * ENTRY_BYTES + Buffer.byteLength(JSON.stringify(header))
}

export function encodeHead({ header, commit, pieces }: SnapshotHead): Buffer {
  const head = Buffer.alloc(headLength(header, pieces.length))
  MAGIC.copy(head)
  head.writeUInt32LE(FORMAT, 8)
  const textFrom = COMMIT_TO + pieces.length * ENTRY_BYTES
  head.writeUInt32LE(head.length - textFrom, 16)
  head.writeUInt32LE(pieces.length, 20)
  head.write(commit, COMMIT_FROM, COMMIT_TO - COMMIT_FROM, 'latin1')
  for (const [at, { part, length, checksum }] of pieces.entries()) {
    const from = COMMIT_TO + at * ENTRY_BYTES
    head.writeUInt32LE(length, from)
    head.writeUInt32LE(checksum, from + 4)
    head.writeUInt32LE(part, from + 8)
  }
  head.write(JSON.stringify(header), textFrom)
  head.writeUInt32LE(crc32(head.subarray(CHECKED_FROM)), 12)
  return head
}

/** How long the head is that begins so; undefined where none does. */
export function headLengthFrom(start: Buffer): number | undefined {
  if (start.length < HEAD_START || !start.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  if (start.readUInt32LE(8) !== FORMAT) return undefined
  return COMMIT_TO + start.readUInt32LE(20) * ENTRY_BYTES + start.readUInt32LE(16)
}

/** Reads a head; undefined unless it is as it was written, to the bit. */
export function decodeHead(head: Buffer): SnapshotHead | undefined {
  if (headLengthFrom(head) !== head.length) return undefined
  if (head.readUInt32LE(12) !== crc32(head.subarray(CHECKED_FROM))) return undefined
  // The checksum fits, so what follows is as it was written.
  const textFrom = head.length - head.readUInt32LE(16)
  const header: SnapshotHeader = JSON.parse(head.toString('utf8', textFrom))
  const pieces: PieceEntry[] = []
  for (let from = COMMIT_TO; from < textFrom; from += ENTRY_BYTES) {
    pieces.push({
      length: head.readUInt32LE(from),
      checksum: head.readUInt32LE(from + 4),
      part: head.readUInt32LE(from + 8),
    })
  }
  return { header, commit: head.toString('latin1', COMMIT_FROM, COMMIT_TO), pieces }
}
