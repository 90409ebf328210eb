import { BACKSLASH, holds, QUOTE } from './line-scanner.ts'
import { HASH_START, hashByte, hashWord } from './name-hash.ts'

/** A hash over the stored bytes of an id, as `scanLines` finds it: the index's key for a look-up by id. */
export function hashId(id: string): number {
  const { length } = id
  let hash = HASH_START
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const word = wordAt(id, at)
    if (word === NOT_PLAIN) return hashStored(id)
    hash = hashWord(hash, word)
  }
  for (; at < length; at++) {
    const unit = id.charCodeAt(at)
    if (!isPlain(unit)) return hashStored(id)
    hash = hashByte(hash, unit)
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

function hashStored(id: string): number {
  const stored = Buffer.from(JSON.stringify(id))
  const end = stored.length - 1
  let hash = HASH_START
  let at = 1
  for (; at + 4 <= end; at += 4) hash = hashWord(hash, stored.readInt32LE(at))
  for (; at < end; at++) hash = hashByte(hash, stored[at]!)
  return hash >>> 0
}
