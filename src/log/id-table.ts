import type { Column } from './column.ts'

const FREE = 0
const MOST_FULL = 0.75
const FEWEST_SLOTS = 1 << 10

/**
 * Finds the positions of events by the hash of their id: a hash table of positions with linear probing.
 * The hashes themselves stand in a column, so a slot takes four bytes.
 *
 * Few programs look for ids, so the table is brought up to the end of the column by the look-up that needs
 * it: about 40 ms for the first one in a log of a million events.
 *
 * Positions beyond the end of the log may stand in it after a truncation; they are passed over, and a
 * position that is given out again is found under its new hash as well.
 */
export class IdTable {
  private slots: Uint32Array = new Uint32Array(0)
  private used = 0
  /** Up to this position the events of the log stand in the table. */
  private placed = 0

  /** @param hashes the hash of the event at position p stands at p - 1 */
  constructor(private readonly hashes: Column<Uint32Array>) {}

  get bytes(): number {
    return this.slots.byteLength
  }

  /** The positions whose id has this hash; nearly always one or none. */
  *find(hash: number): Generator<number> {
    this.catchUp()
    const { slots } = this
    const mask = slots.length - 1
    for (let slot = hash & mask; slots[slot] !== FREE; slot = (slot + 1) & mask) {
      const position = slots[slot]!
      if (position <= this.hashes.length && this.hashes.get(position - 1) === hash) yield position
    }
  }

  /** Says that the events after a position are gone from the column. */
  truncate(position: number): void {
    this.placed = Math.min(this.placed, position)
  }

  private catchUp(): void {
    const { length } = this.hashes
    if (this.used + length - this.placed >= this.slots.length * MOST_FULL) this.makeAnew()
    while (this.placed < length) this.place(this.hashes.get(this.placed), ++this.placed)
  }

  /** Empties the table, and gives it room for twice what the log holds. */
  private makeAnew(): void {
    let size = FEWEST_SLOTS
    while (size < 2 * this.hashes.length) size *= 2
    this.slots = new Uint32Array(size)
    this.used = 0
    this.placed = 0
  }

  private place(hash: number, position: number): void {
    const mask = this.slots.length - 1
    let slot = hash & mask
    while (this.slots[slot] !== FREE) slot = (slot + 1) & mask
    this.slots[slot] = position
    this.used++
  }
}
