import { BACKSLASH, holds, QUOTE } from './line-scanner.ts'
import { hashByte, hashWord, NOT_HASHED } from './name-hash.ts'

/**
 * A hash over the stored bytes of an id: the index's key for a look-up by id.
 *
 * @param key of the index: who does not know it cannot choose ids that have one hash
 */
export function hashId(id: string, key: number): number {
  const { length } = id
  let hash = key
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word = wordAt(id, at)
    if (word === NOT_PLAIN) return hashEncoded(id, key)
    hash = hashWord(hash, word, key)
  }
  for (; at < length; at++) {
    const unit = id.charCodeAt(at)
    if (!isPlain(unit)) return hashEncoded(id, key)
    hash = hashByte(hash, unit)
  }
  return hash >>> 0
}

/** The same for an id between two places of a line; NOT_HASHED where it holds an escape, of which there may be others than ours. */
export function hashStoredId(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  key: number,
): number {
  let hash = key
  let at = from
  for (; at + 4 <= to; at += 4) {
    const word = view.getInt32(at, true)
    if (holds(word, BACKSLASH)) return NOT_HASHED
    hash = hashWord(hash, word, key)
  }
  for (; at < to; at++) {
    if (bytes[at] === BACKSLASH) return NOT_HASHED
    hash = hashByte(hash, bytes[at]!)
  }
  return hash >>> 0
}

/** No four plain characters have it. */
const NOT_PLAIN = 0

/** Four characters as they are read from the bytes of a line; NOT_PLAIN where one of them is not stored as it is. */
function wordAt(id: string, at: number): number {
  const first = id.charCodeAt(at)
  const second = id.charCodeAt(at + 1)
  const third = id.charCodeAt(at + 2)
  const fourth = id.charCodeAt(at + 3)
  if ((first | second | third | fourth) > 0x7f) return NOT_PLAIN
  const word = first | (second << 8) | (third << 16) | (fourth << 24)
  // A character from 0x20 on has one of the bits 0x20 and 0x40.
  const isPrintable = ((word | (word << 1)) & 0x40404040) === 0x40404040
  return isPrintable && !holds(word, QUOTE) && !holds(word, BACKSLASH) ? word : NOT_PLAIN
}

function isPlain(unit: number): boolean {
  return unit >= 0x20 && unit <= 0x7f && unit !== QUOTE && unit !== BACKSLASH
}

function hashEncoded(id: string, key: number): number {
  const stored = Buffer.from(JSON.stringify(id))
  const end = stored.length - 1
  let hash = key
  let at = 1
  for (; at + 4 <= end; at += 4) hash = hashWord(hash, stored.readInt32LE(at), key)
  for (; at < end; at++) hash = hashByte(hash, stored[at]!)
  return hash >>> 0
}
