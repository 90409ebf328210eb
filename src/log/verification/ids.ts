import { Column } from '../column.ts'
import type { Turns } from './reading.ts'

const BUCKET_BITS = 8
const HIGH_BITS = 21

/**
 * Finds ids that may stand twice, in eight bytes an event: ids with equal hashes of 53 bits. With ten million
 * events, one such pair in two hundred logs is a coincidence, so the ids themselves have to be compared.
 */
export class IdHashes {
  private readonly hashes = Column.float64()

  add(id: string): void {
    this.hashes.push(hashOf(id))
  }

  /** The hashes that stand there twice or more. Sorts in parts, so that other work gets its turn. */
  async findRepeated(turns: Turns): Promise<ReadonlySet<number>> {
    const repeated = new Set<number>()
    for (const bucket of this.buckets()) {
      bucket.sort()
      for (let at = 1; at < bucket.length; at++) if (bucket[at] === bucket[at - 1]) repeated.add(bucket[at]!)
      await turns.take()
    }
    return repeated
  }

  /** The hashes by their highest bits. */
  private buckets(): Float64Array[] {
    const sizes = new Uint32Array(1 << BUCKET_BITS)
    for (let at = 0; at < this.hashes.length; at++) sizes[bucketOf(this.hashes.get(at))]!++
    const buckets = Array.from(sizes, (size) => new Float64Array(size))
    sizes.fill(0)
    for (let at = 0; at < this.hashes.length; at++) {
      const hash = this.hashes.get(at)
      const bucket = bucketOf(hash)
      buckets[bucket]![sizes[bucket]!++] = hash
    }
    return buckets
  }
}

function bucketOf(hash: number): number {
  return Math.floor(hash / 2 ** (32 + HIGH_BITS - BUCKET_BITS))
}

/** 53 bits of all characters of an id: two rounds of FNV-1a with different starts and multipliers. */
export function hashOf(id: string): number {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
    high ^= high >>> 15
  }
  return (high >>> (32 - HIGH_BITS)) * 2 ** 32 + (low >>> 0)
}
