import { hashName, NOT_HASHED } from '../event/name-hash.ts'

const FREE = 0
const FEWEST_SLOTS = 1 << 5

/**
 * Numbers names in the order in which they first occur, from 0.
 *
 * A hash table of its own, with linear probing, rather than a Map: a name that stands in the bytes of a batch
 * is found without making a string of it, which is most of the work of indexing an event.
 */
export class Names {
  private readonly list: string[] = []
  /** Numbers, plus one. */
  private slots: Uint32Array = new Uint32Array(FEWEST_SLOTS)

  get count(): number {
    return this.list.length
  }

  find(name: string): number | undefined {
    const { slots, list } = this
    const mask = slots.length - 1
    for (let slot = hashName(name) & mask; slots[slot] !== FREE; slot = (slot + 1) & mask) {
      const number = slots[slot]! - 1
      if (list[number] === name) return number
    }
    return undefined
  }

  /**
   * Finds a name as it is stored, between two places of a text in UTF-8, by the hash that `scanLines` gave it. Undefined
   * also where that is NOT_HASHED: then it has to be looked for as a string.
   */
  findStored(hash: number, bytes: Uint8Array, from: number, to: number): number | undefined {
    if (hash === NOT_HASHED) return undefined
    const { slots, list } = this
    const mask = slots.length - 1
    for (let slot = hash & mask; slots[slot] !== FREE; slot = (slot + 1) & mask) {
      const number = slots[slot]! - 1
      if (isStored(list[number]!, bytes, from, to)) return number
    }
    return undefined
  }

  name(number: number): string {
    return this.list[number]!
  }

  /** Gives a new name its number. The name must be a string of its own: see `ofItsOwn`. */
  add(name: string): number {
    const number = this.list.length
    this.list.push(name)
    if (this.list.length * 2 > this.slots.length) this.makeSlots(this.slots.length * 2)
    else this.slots[this.freeSlot(name)] = number + 1
    return number
  }

  /** Gives names, all of them new, their numbers in turn. */
  addAll(names: readonly string[]): void {
    for (const name of names) this.list.push(name)
    let size = this.slots.length
    while (this.list.length * 2 > size) size *= 2
    this.makeSlots(size)
  }

  /** The name that was added last is in no other's way, so its slot can be freed. */
  removeLast(): void {
    const name = this.list.at(-1)
    if (name === undefined) return
    const mask = this.slots.length - 1
    let slot = hashName(name) & mask
    while (this.slots[slot] !== this.list.length) slot = (slot + 1) & mask
    this.slots[slot] = FREE
    this.list.pop()
  }

  all(): readonly string[] {
    return this.list
  }

  private makeSlots(size: number): void {
    const { list } = this
    this.slots = new Uint32Array(size)
    for (let number = 0; number < list.length; number++) this.slots[this.freeSlot(list[number]!)] = number + 1
  }

  private freeSlot(name: string): number {
    const mask = this.slots.length - 1
    let slot = hashName(name) & mask
    while (this.slots[slot] !== FREE) slot = (slot + 1) & mask
    return slot
  }
}

/**
 * V8 keeps a longer piece of a text as a view of it: a name that was cut out of a large text would keep all of that in
 * memory as long as the log is open.
 */
export function ofItsOwn(name: string): string {
  // Half a surrogate pair, which a foreign line may hold, would become another character.
  return name.length < SHORTEST_VIEW || !name.isWellFormed() ? name : Buffer.from(name).toString()
}

const SHORTEST_VIEW = 13

function isStored(name: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  for (let at = from; at < to; at++) if (name.charCodeAt(at - from) !== bytes[at]) return false
  return true
}
