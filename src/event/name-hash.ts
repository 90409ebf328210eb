import { randomFraction, systemRandom } from '../system/random.ts'

// FNV-1a, for tables in memory; over an id, of which each event has one of 36 bytes, four bytes a step.

/** Where the hash of a name begins: in each process elsewhere, so that nobody can write many names with one hash into a log. */
export const NAME_START = newHashKey()
const FACTOR = 0x01000193
const WORD_FACTOR = 0x9e3779b1

/** Stands in place of the hash of a name whose stored bytes are not its characters: it holds an escape, or others than ASCII. */
export const NOT_HASHED = 0

export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, FACTOR)
}

/**
 * @param key says by what is multiplied, too: of four bytes at once so much can be chosen that a hidden start alone does not
 *   help. By something known first, since there are keys that mix little
 */
export function hashWord(hash: number, word: number, key: number): number {
  const mixed = Math.imul(hash ^ word, WORD_FACTOR)
  // A product carries upwards only, and what is odd loses nothing.
  const value = Math.imul(mixed ^ (mixed >>> 15), key | 1)
  return value ^ (value >>> 13)
}

/** What makes a hash one that nobody can foresee: 32 bits. */
export function newHashKey(): number {
  return (randomFraction(systemRandom) * 2 ** 32) | 0
}

/** The hash of a name, once all of its bytes have been mixed in: its low bits depend on more than theirs. */
export function nameHash(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0 || 1
}

/** The hash of a name as `scanLines` finds it in the bytes of a line, for characters of any kind. */
export function hashName(name: string): number {
  let hash = NAME_START
  for (let at = 0; at < name.length; at++) hash = hashByte(hash, name.charCodeAt(at))
  return nameHash(hash)
}
