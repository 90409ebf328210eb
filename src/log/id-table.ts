import type { Column } from './column.ts'

const FREE = 0
const MOST_FULL = 0.75
const FEWEST_SLOTS = 1 << 10

/**
 * Finds the positions of events by the hash of their id: a hash table of positions with linear probing.
 * The hashes themselves stand in a column, so a slot takes four bytes.
 *
 * Positions beyond the end of the log may stand in it after a truncation; they are passed over, and a
 * position that is given out again is found under its new hash as well.
 */
export class IdTable {
  private slots: Uint32Array = new Uint32Array(FEWEST_SLOTS)
  private used = 0

  /** @param hashes the hash of the event at position p stands at p - 1, before the position is added here */
  constructor(private readonly hashes: Column<Uint32Array>) {}

  get bytes(): number {
    return this.slots.byteLength
  }

  add(hash: number, position: number): void {
    // The new one stands in the column already; a table full of what was truncated need not grow.
    if (this.used >= this.slots.length * MOST_FULL) this.rebuild()
    else this.place(hash, position)
  }

  /** The positions whose id has this hash; nearly always one or none. */
  *find(hash: number): Generator<number> {
    const mask = this.slots.length - 1
    for (let slot = hash & mask; this.slots[slot] !== FREE; slot = (slot + 1) & mask) {
      const position = this.slots[slot]!
      if (position <= this.hashes.length && this.hashes.get(position - 1) === hash) yield position
    }
  }

  /** Makes the table anew from the column, at most half as full as it may get. */
  rebuild(): void {
    let size = this.slots.length
    // The one that is about to be added stands in the column already.
    while (this.hashes.length - 1 > (size * MOST_FULL) / 2) size *= 2
    this.slots = new Uint32Array(size)
    this.used = 0
    for (let at = 0; at < this.hashes.length; at++) this.place(this.hashes.get(at), at + 1)
  }

  /** For snapshots. */
  get contents(): Uint32Array {
    return this.slots
  }

  adopt(slots: Uint32Array): void {
    // Probing ends at a free slot, and wraps around by a mask.
    const isTable = slots.length >= FEWEST_SLOTS && (slots.length & (slots.length - 1)) === 0
    if (!isTable) {
      this.rebuild()
      return
    }
    this.slots = slots
    // Not the number of positions: what was truncated takes slots too, and a full table has no end.
    this.used = 0
    for (let slot = 0; slot < slots.length; slot++) if (slots[slot] !== FREE) this.used++
  }

  private place(hash: number, position: number): void {
    const mask = this.slots.length - 1
    let slot = hash & mask
    while (this.slots[slot] !== FREE) slot = (slot + 1) & mask
    this.slots[slot] = position
    this.used++
  }
}
