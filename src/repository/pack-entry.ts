import type { ObjectType } from './git-reader.ts'
import { offsetOf } from './pack-index.ts'

/** The numbers of gitformat-pack(5) for objects that are stored whole. */
const TYPES = { commit: 1, tree: 2, blob: 3, tag: 4 } as const satisfies Readonly<Record<ObjectType, number>>
const TYPES_BY_NUMBER = new Map(
  Object.entries(TYPES).map(([type, number]) => [number as number, type as ObjectType]),
)

/** Type and size: three and four bits, then seven of the size in each byte, the lowest first. */
export function entryHeader(type: ObjectType, size: number): Buffer {
  const bytes: number[] = []
  let last = (TYPES[type] << 4) | (size & 15)
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(last | 128)
    last = rest & 127
  }
  return Buffer.from([...bytes, last])
}

/**
 * What an object in a pack begins with: `type` is a number of gitformat-pack(5), `end` where the header does.
 *
 * @throws RangeError for a size that no object has
 */
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
  // Of so many digits that it is no number, it would pass each comparison with a limit.
  if (!Number.isSafeInteger(size)) throw new RangeError('the size of an object in a pack is no number')
  return { type, size, end }
}

/** The type that a number stands for; undefined for a delta, whose type is that of its base. */
export function typeOf(number: number): ObjectType | undefined {
  return TYPES_BY_NUMBER.get(number)
}

/** Numbers of gitformat-pack(5) for an object that is stored as what differs from another. */
const DELTA_BY_OFFSET = 6
const DELTA_BY_OID = 7

/** Whether an object with this number is stored as a delta. */
export function isDelta(type: number): boolean {
  return type === DELTA_BY_OFFSET || type === DELTA_BY_OID
}

/** What names the base of a delta, behind the header of its entry. */
export interface DeltaBase {
  /** Where the base stands in the pack; undefined if it is not there. */
  readonly offset: number | undefined
  /** Where the deflated delta begins, after the start of `bytes`. */
  readonly end: number
}

/**
 * Reads what a delta is based on.
 *
 * @param bytes the entry, from its start
 * @param offset where it stands in its pack
 */
export function readDeltaBase(
  bytes: Buffer,
  { type, end: at }: { readonly type: number; readonly end: number },
  offset: number,
  index: Buffer,
): DeltaBase {
  if (type === DELTA_BY_OID) {
    const end = at + OID_BYTES
    return { offset: offsetOf(index, bytes.toString('hex', at, end)), end }
  }
  let end = at
  let byte = bytes[end++]!
  let back = byte & 127
  while (byte & 128) {
    byte = bytes[end++]!
    back = (back + 1) * 128 + (byte & 127)
  }
  return { offset: offset - back, end }
}

const OID_BYTES = 20
