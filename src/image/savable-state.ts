import { StoredEvent } from '../event/stored-event.ts'

const TYPED_ARRAY: object = Object.getPrototypeOf(Uint8Array.prototype)
const WITHOUT_FIELDS: readonly object[] = [
  Map.prototype,
  Set.prototype,
  Date.prototype,
  ArrayBuffer.prototype,
  Number.prototype,
  Boolean.prototype,
  BigInt.prototype,
]

/**
 * Why a state would not come back from a snapshot as it is, with its place in the state; undefined if it
 * would. Looks at each object in it once: 100,000 records of three fields and a list take 0.1 s.
 */
export function findUnsavable(state: unknown): string | undefined {
  return new StateCheck().run(state)
}

class StateCheck {
  // What was found in the state, and for each the number of the object it was found in.
  private readonly found: unknown[] = []
  private readonly holders: number[] = []
  private readonly seen = new Set<unknown>()
  /** Those that are bytes: buffers, and views on them. */
  private readonly memories: number[] = []

  run(state: unknown): string | undefined {
    this.add(state, -1)
    for (let at = 0; at < this.found.length; at++) {
      const problem = this.look(this.found[at], at)
      if (problem !== undefined) return `${this.path(at)} ${problem}`
    }
    const shared = this.findShared()
    return shared === undefined ? undefined : `${this.path(shared)} shares its memory with another array`
  }

  private add(value: unknown, holder: number): void {
    const isSimple = (typeof value !== 'object' || value === null) && typeof value !== 'function'
    if ((isSimple && typeof value !== 'symbol') || this.seen.has(value)) return
    this.seen.add(value)
    this.found.push(value)
    this.holders.push(holder)
  }

  /** Looks at one value and adds what it holds. @returns what of it would be lost */
  private look(value: unknown, at: number): string | undefined {
    if (typeof value !== 'object' || value === null) return `is a ${typeof value}`
    const prototype: object | null = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.lookAtFields(value, at)
    if (Array.isArray(value) && prototype === Array.prototype) {
      for (const inner of value) this.add(inner, at)
      // Its entries are not looked at for getters: long arrays are usual, getters in them unheard of.
      return Reflect.ownKeys(value).length > value.length + 1 ? 'is an array with fields' : undefined
    }
    if (prototype === Map.prototype && value instanceof Map) {
      for (const [key, inner] of value) {
        this.add(key, at)
        this.add(inner, at)
      }
    } else if (prototype === Set.prototype && value instanceof Set) {
      for (const inner of value) this.add(inner, at)
    } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) this.memories.push(at)
    return problemOf(value, prototype)
  }

  private lookAtFields(value: object, at: number): string | undefined {
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === 'symbol') return 'has a symbol as a key'
      const field = Object.getOwnPropertyDescriptor(value, key)!
      if (field.get !== undefined || field.set !== undefined) return `has a getter, .${key}`
      if (field.enumerable !== true) return `has a hidden field, .${key}`
      this.add(field.value, at)
    }
    return undefined
  }

  /** Two views on the same bytes would come back as two copies. Views side by side in one buffer are fine. */
  private findShared(): number | undefined {
    const placeOf = (at: number) => memoryOf(this.found[at] as ArrayBufferLike | ArrayBufferView)
    const buffers = new Map<ArrayBufferLike, number[]>()
    for (const at of this.memories) {
      const { buffer } = placeOf(at)
      const others = buffers.get(buffer)
      if (others === undefined) buffers.set(buffer, [at])
      else others.push(at)
    }
    for (const places of buffers.values()) {
      places.sort((left, right) => placeOf(left).from - placeOf(right).from)
      const shared = places.findIndex(
        (at, index) => index > 0 && placeOf(places[index - 1]!).to > placeOf(at).from,
      )
      if (shared !== -1) return places[shared]
    }
    return undefined
  }

  private path(at: number): string {
    const holder = this.holders[at]!
    return holder === -1 ? 'state' : `${this.path(holder)}${stepTo(this.found[at], this.found[holder])}`
  }
}

/** What of an object that is neither a plain one nor an array would be lost. */
function problemOf(value: object, prototype: object | null): string | undefined {
  if (value instanceof StoredEvent) return 'is an event as a handler gets it: keep event.toJSON()'
  if (prototype === null) return 'has no prototype: use a Map'
  // It would take a look at every index to find fields of one's own.
  if (isArrayView(prototype)) return undefined
  if (prototype === RegExp.prototype && value instanceof RegExp) {
    if (value.lastIndex !== 0) return 'is a RegExp in use (lastIndex)'
    return hasMoreThan(1, value)
  }
  if (prototype === String.prototype && value instanceof String) return hasMoreThan(value.length + 1, value)
  if (!WITHOUT_FIELDS.includes(prototype)) {
    const name = prototype.constructor.name
    return `is of the class ${name}: only plain objects, arrays, Map, Set, Date, RegExp and typed arrays can be saved`
  }
  return hasMoreThan(0, value)
}

/** @param usual how many fields there are in any case, such as the `lastIndex` of a RegExp */
function hasMoreThan(usual: number, value: object): string | undefined {
  return Reflect.ownKeys(value).length > usual ? 'has fields of its own' : undefined
}

function isArrayView(prototype: object): boolean {
  const isKnown = prototype === Buffer.prototype || prototype === DataView.prototype
  return isKnown || Object.getPrototypeOf(prototype) === TYPED_ARRAY
}

/** Where bytes stand: a buffer by itself is all of them. */
function memoryOf(value: ArrayBufferLike | ArrayBufferView) {
  if (!ArrayBuffer.isView(value)) return { buffer: value, from: 0, to: value.byteLength }
  const { buffer, byteOffset, byteLength } = value
  return { buffer, from: byteOffset, to: byteOffset + byteLength }
}

/** How an object leads to one it holds. Keys of maps are the users' data, so they are not shown. */
function stepTo(value: unknown, holder: unknown): string {
  if (holder instanceof Map) return holder.has(value) ? '<key>' : '<value>'
  if (holder instanceof Set) return '<entry>'
  if (Array.isArray(holder)) return `[${holder.indexOf(value)}]`
  const field = Object.entries(holder as object).find(([, inner]) => inner === value)
  return `.${field?.[0]}`
}
