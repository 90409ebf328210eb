import { randomFraction, systemRandom } from '../system/random.ts'

// FNV-1a, for tables in memory; over an id, of which each event has one of 36 bytes, four bytes a step.

/** Where the hash of a name begins: in each process elsewhere, so that nobody can write many names with one hash into a log. */
export const NAME_START = newHashKey()
const FACTOR = 0x01000193

/** Stands in place of the hash of a name whose stored bytes are not its characters: it holds an escape, or others than ASCII. */
export const NOT_HASHED = 0

export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, FACTOR)
}

/** @param key also says by what is multiplied, which has to be odd: of four bytes at once, too much can be chosen */
export function hashWord(hash: number, word: number, key: number): number {
  const value = Math.imul(hash ^ word, key | 1)
  // A product carries upwards only.
  return value ^ (value >>> 15)
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
