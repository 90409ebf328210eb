/** The sizes of what a delta is made from and of what it makes, and where its instructions begin. */
export interface DeltaHead {
  readonly baseBytes: number
  readonly bytes: number
  readonly end: number
}

/** Reads what an inflated delta begins with. @throws RangeError where less is there, or a size that no object has */
export function readDeltaHead(delta: Buffer): DeltaHead {
  const base = readSize(delta, 0)
  const made = readSize(delta, base.end)
  return { baseBytes: base.size, bytes: made.size, end: made.end }
}

function readSize(delta: Buffer, at: number): { readonly size: number; readonly end: number } {
  let end = at
  let size = 0
  let factor = 1
  let byte = 128
  while (byte & 128) {
    if (end === delta.length) throw new RangeError('the head of a delta is cut off')
    byte = delta[end++]!
    size += (byte & 127) * factor
    factor *= 128
  }
  // Of so many digits that it is no number, it would pass each comparison with a limit.
  if (!Number.isSafeInteger(size)) throw new RangeError('a size in a delta is no number')
  return { size, end }
}

/**
 * Makes an object from its base and a delta: pieces of the base, and bytes that stand in the delta, one after the other.
 *
 * Source: gitformat-pack(5), "Deltified representation".
 *
 * @returns undefined where the delta does not fit its base, or makes more or less than it says
 */
export function applyDelta(base: Buffer, delta: Buffer): Buffer | undefined {
  const { baseBytes, bytes, end } = readDeltaHead(delta)
  if (baseBytes !== base.length) return undefined
  const made = Buffer.allocUnsafe(bytes)
  let filled = 0
  for (let at = end; at < delta.length; ) {
    const copy = delta[at]! & 128 ? readCopy(delta, at) : readInsertion(delta, at)
    const source = copy.isFromBase ? base : delta
    // An instruction of 0 is none; no piece is empty.
    if (copy.length === 0 || copy.from + copy.length > source.length || filled + copy.length > bytes)
      return undefined
    copyPiece(source, copy.from, copy.length, made, filled)
    filled += copy.length
    at = copy.end
  }
  return filled === bytes ? made : undefined
}

/** Lines differ in a few of their fields, so most pieces are shorter than a call is long. */
function copyPiece(source: Buffer, from: number, length: number, made: Buffer, to: number): void {
  if (length > SHORT_PIECE) source.copy(made, to, from, from + length)
  else for (let at = 0; at < length; at++) made[to + at] = source[from + at]!
}

const SHORT_PIECE = 64

/** Bits 0 to 3 of a copy say which bytes of the offset follow, bits 4 to 6 which of the length. */
function readCopy(delta: Buffer, start: number) {
  const instruction = delta[start]!
  let end = start + 1
  let from = 0
  let length = 0
  for (let byte = 0; byte < 4; byte++) if (instruction & (1 << byte)) from += delta[end++]! * 256 ** byte
  for (let byte = 0; byte < 3; byte++) if (instruction & (16 << byte)) length += delta[end++]! * 256 ** byte
  return { isFromBase: true, from, length: length === 0 ? 0x10000 : length, end }
}

function readInsertion(delta: Buffer, start: number) {
  const length = delta[start]!
  return { isFromBase: false, from: start + 1, length, end: start + 1 + length }
}
