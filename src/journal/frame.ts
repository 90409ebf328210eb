import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { JournalMisuseError } from './errors.ts'
import type { JournalEntry, JournalGroup } from './journal.ts'

/**
 * One frame of the journal: what a single write adds, so that a torn write is one bad frame.
 *
 * All integers are unsigned and little endian.
 *
 * | byte | size | field                                                                                  |
 * |-----:|-----:|----------------------------------------------------------------------------------------|
 * |    0 |    4 | magic `FF 6D 6A FE`; FF and FE never occur in UTF-8, so no payload contains it         |
 * |    4 |    4 | CRC-32 (the one of zlib) of everything from byte 8 to the end of the payload           |
 * |    8 |    4 | bytes of payload                                                                       |
 * |   12 |    4 | entries, 1 or more                                                                     |
 * |   16 |    4 | events of all entries                                                                  |
 * |   20 |    4 | durable: everything before this offset of the segment was on the disk when this frame was written |
 * |   24 |    8 | first: position of the first event                                                     |
 * |   32 |    8 | released: entries up to this position were no longer needed when this frame was written |
 * |   40 |      | payload: for each entry its events (4) and bytes (4); then the JSON lines of all entries, in UTF-8, each ended by LF |
 *
 * The next frame follows without a gap; behind the last one come NUL bytes up to the end of the segment, or nothing.
 */
export interface Frame {
  /** Where it starts in its segment, in bytes. */
  readonly offset: number
  /** Where the next one starts. */
  readonly end: number
  readonly entries: number
  /** Position of its first and its last event. */
  readonly first: number
  readonly last: number
  readonly durable: number
  readonly released: number
}

/** What a frame says about the journal at the moment it is written. */
export type FrameMarks = Pick<Frame, 'first' | 'durable' | 'released'>

/** Starts every frame. */
export const MAGIC = Buffer.of(0xff, 0x6d, 0x6a, 0xfe)
const LF = 0x0a
const HEADER_BYTES = 40
const ENTRY_HEADER_BYTES = 8
/** Below this, the high byte of every length is small, so that no run of them can look like the magic. */
const MAX_FRAME_BYTES = 2 ** 30
/** One huge append does not keep its memory for ever. */
const KEPT_BYTES = 4 * 1024 * 1024

/** Encodes frames into one buffer that it uses again and again: the bytes are valid until the next `encode`. */
export class FrameEncoder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024)
  #length = 0
  #entries = 0
  #events = 0

  /** Encodes a group of entries as the payload of the next frame, and returns the frame's length in bytes. */
  encode({ count, counts, sizes, content }: JournalGroup): number {
    const linesAt = HEADER_BYTES + counts.length * ENTRY_HEADER_BYTES
    this.#reserve(linesAt + content.length)
    const buffer = this.#buffer
    let offset = HEADER_BYTES
    for (let entry = 0; entry < counts.length; entry++) {
      buffer.writeUInt32LE(counts[entry]!, offset)
      buffer.writeUInt32LE(sizes[entry]!, offset + 4)
      offset += ENTRY_HEADER_BYTES
    }
    buffer.set(content, linesAt)
    this.#length = linesAt + content.length
    this.#entries = counts.length
    this.#events = count
    return this.#length
  }

  /** Completes the frame whose payload was encoded last. */
  seal({ first, durable, released }: FrameMarks): Buffer {
    const frame = this.#buffer.subarray(0, this.#length)
    frame.set(MAGIC)
    frame.writeUInt32LE(this.#length - HEADER_BYTES, 8)
    frame.writeUInt32LE(this.#entries, 12)
    frame.writeUInt32LE(this.#events, 16)
    frame.writeUInt32LE(durable, 20)
    frame.writeBigUInt64LE(BigInt(first), 24)
    frame.writeBigUInt64LE(BigInt(released), 32)
    frame.writeUInt32LE(crc32(frame.subarray(8)), 4)
    return frame
  }

  #reserve(bytes: number): void {
    if (bytes > MAX_FRAME_BYTES) throw new JournalMisuseError(`one append of ${bytes} bytes is over 1 GiB`)
    const isHoard = this.#buffer.length > KEPT_BYTES && bytes <= KEPT_BYTES
    if (isHoard) this.#buffer = Buffer.allocUnsafeSlow(KEPT_BYTES)
    if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)))
  }
}

/** Reads the header of the frame at this offset, or finds that no whole and valid frame stands there. */
export function findFrame(bytes: Buffer, offset: number): Frame | undefined {
  if (bytes.length - offset < HEADER_BYTES || bytes.compare(MAGIC, 0, 4, offset, offset + 4) !== 0) {
    return undefined
  }
  const end = offset + HEADER_BYTES + bytes.readUInt32LE(offset + 8)
  if (end > bytes.length) return undefined
  if (crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32LE(offset + 4)) return undefined
  const first = Number(bytes.readBigUInt64LE(offset + 24))
  return {
    offset,
    end,
    entries: bytes.readUInt32LE(offset + 12),
    first,
    last: first + bytes.readUInt32LE(offset + 16) - 1,
    durable: bytes.readUInt32LE(offset + 20),
    released: Number(bytes.readBigUInt64LE(offset + 32)),
  }
}

/** The entries of a frame that `findFrame` found valid; their lines are views on its bytes. */
export function* decodeEntries(bytes: Buffer, frame: Frame): Generator<JournalEntry> {
  const tableAt = frame.offset + HEADER_BYTES
  const tableEnd = Math.min(frame.end, tableAt + frame.entries * ENTRY_HEADER_BYTES)
  let start = tableEnd
  let first = frame.first
  for (let offset = tableAt; offset + ENTRY_HEADER_BYTES <= tableEnd; offset += ENTRY_HEADER_BYTES) {
    const count = bytes.readUInt32LE(offset)
    const end = start + bytes.readUInt32LE(offset + 4)
    yield { first, count, lines: bytes.subarray(start, end) }
    first += count
    start = end
  }
}

/** Whether an entry has a line for each event that it says it holds: no checksum tells, where somebody else wrote it. */
export function hasItsLines({ count, lines }: JournalEntry): boolean {
  let found = 0
  for (let at = lines.indexOf(LF); at !== -1; at = lines.indexOf(LF, at + 1)) found++
  return found === count && lines.at(-1) === LF && isUtf8(lines)
}
