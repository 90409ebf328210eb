import { Column } from './column.ts'
import { Names, ofItsOwn } from './names.ts'

const NONE = 0

/** Which events carry which tags: one entry a tag of an event, chained by tag. Twelve bytes an entry. */
export class TagIndex {
  readonly names = new Names()
  readonly heads = Column.uint32()
  private readonly tagOf = Column.uint32()
  private readonly positionOf = Column.uint32()
  private readonly previous = Column.uint32()

  /** The parts, in a fixed order, for a snapshot. */
  readonly columns = [this.heads, this.tagOf, this.positionOf, this.previous]

  /** Positions come in ascending order. */
  add(tag: string, position: number): void {
    let number = this.names.find(tag)
    if (number === undefined) {
      number = this.names.add(ofItsOwn(tag))
      this.heads.push(NONE)
    }
    this.tagOf.push(number)
    this.positionOf.push(position)
    this.previous.push(this.heads.get(number))
    this.heads.set(number, this.tagOf.length)
  }

  truncate(position: number): void {
    let entries = this.tagOf.length
    while (entries > 0 && this.positionOf.get(entries - 1) > position) {
      entries--
      this.heads.set(this.tagOf.get(entries), this.previous.get(entries))
    }
    for (const column of [this.tagOf, this.positionOf, this.previous]) column.truncate(entries)
    // Those that came with what is forgotten are the last, and nothing carries them any more.
    while (this.names.count > 0 && this.heads.get(this.names.count - 1) === NONE) {
      this.names.removeLast()
      this.heads.truncate(this.names.count)
    }
  }

  /** Whether the event at a position carries a tag: a binary search, as entries stand in order of position. */
  has(position: number, tag: string): boolean {
    const number = this.names.find(tag)
    if (number === undefined) return false
    let low = 0
    let high = this.positionOf.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.positionOf.get(middle) < position) low = middle + 1
      else high = middle
    }
    for (let entry = low; entry < this.tagOf.length && this.positionOf.get(entry) === position; entry++) {
      if (this.tagOf.get(entry) === number) return true
    }
    return false
  }

  /** The positions after a position whose events carry a tag, newest first. */
  *after(tag: string, position: number): Generator<number> {
    const number = this.names.find(tag)
    let entry = number === undefined ? NONE : this.heads.get(number)
    while (entry !== NONE && this.positionOf.get(entry - 1) > position) {
      yield this.positionOf.get(entry - 1)
      entry = this.previous.get(entry - 1)
    }
  }
}
