import { type Frame, findFrame, MAGIC } from './frame.ts'

/** What the frames before a segment lead a reader to expect of it. */
export interface Expectation {
  /** Position of the last event so far: undefined at the start of the journal. */
  readonly last: number | undefined
}

/** What stands in one segment. Pure data: recovery decides from it, the journal acts on it. */
export interface SegmentScan {
  /** The last of its valid frames; undefined when it holds none. */
  readonly lastFrame: Frame | undefined
  /** Where the next frame goes: the end of the last valid one. */
  readonly end: number
  /** The end of the bytes that are not NUL: beyond `end` where a write was torn. */
  readonly used: number
  /** The highest offset that a frame says was on the disk. */
  readonly durable: number
  /** Why the segment cannot be trusted, if so. */
  readonly corruption: Corruption | undefined
}

interface Corruption {
  readonly offset: number
  readonly finding: string
}

/**
 * Reads the frames of a segment and tells a torn end from damage.
 *
 * Where frames end before the NUL bytes begin, a later frame that says the place was on the disk when it
 * was written proves damage to acknowledged events. Without such a witness the rest was never
 * acknowledged as durable: a power cut may keep any part of what was not synced, later parts included.
 */
export function scanSegment(bytes: Buffer, expected: Expectation): SegmentScan {
  let lastFrame: Frame | undefined
  let durable = 0
  let corruption: Corruption | undefined
  for (const frame of walkFrames(bytes)) {
    corruption ??= findGap(frame, lastFrame?.last ?? expected.last)
    lastFrame = frame
    durable = Math.max(durable, frame.durable)
  }
  const end = lastFrame?.end ?? 0
  const used = Math.max(end, findUsed(bytes))
  if (used > end) corruption ??= findDamage(bytes, end)
  return { lastFrame, end, used, durable, corruption }
}

/** The valid frames of a segment, from its start to the first place where none stands. */
export function* walkFrames(bytes: Buffer): Generator<Frame> {
  for (let frame = findFrame(bytes, 0); frame !== undefined; frame = findFrame(bytes, frame.end)) yield frame
}

/** Positions follow each other without a gap, except where everything before had been released. */
function findGap(frame: Frame, last: number | undefined): Corruption | undefined {
  if (last === undefined || frame.first === last + 1) return undefined
  if (frame.first > last && frame.released >= last) return undefined
  return { offset: frame.offset, finding: `position ${frame.first} follows position ${last}` }
}

function findDamage(bytes: Buffer, offset: number): Corruption | undefined {
  for (let at = bytes.indexOf(MAGIC, offset); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    const witness = findFrame(bytes, at)
    if (witness !== undefined && witness.durable > offset) {
      const finding = `no valid frame, but it was on the disk before the frame of position ${witness.first} at byte ${at}`
      return { offset, finding }
    }
  }
  return undefined
}

const NUL_BLOCK = Buffer.alloc(4096)

/** The end of the last block of 4 KiB that is not all NUL, cut to the last byte of it that is not. */
function findUsed(bytes: Buffer): number {
  let used = bytes.length
  while (used > 0) {
    const start = Math.max(0, used - NUL_BLOCK.length)
    if (bytes.compare(NUL_BLOCK, 0, used - start, start, used) !== 0) break
    used = start
  }
  while (used > 0 && bytes[used - 1] === 0) used--
  return used
}
