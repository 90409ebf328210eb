import { BACKSLASH, QUOTE } from './line-scanner.ts'
import { MAX_DEPTH } from './strict-json.ts'

/** One huge text does not keep its memory for ever. */
const KEPT_BYTES = 4 * 1024 * 1024
/** Longer strings are given to `JSON.stringify`, which is the quicker the longer they are. */
const SHORT = 64
/** What a short string or a number takes at most, with its quotes, and what stands before and behind it. */
const SHORT_BYTES = SHORT + 4
const NOT_SHORT = -1

/** The largest number that V8 keeps and divides as 32 bits. */
const MOST_BITS = 0x7fffffff

const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const ZERO = 0x30

/**
 * Writes JSON as bytes, into memory that it uses again and again: what `JSON.stringify` would give, in UTF-8. Plain
 * values take it half the time of `JSON.stringify` and a copy of its text, and leave nothing to the garbage collector.
 *
 * Whatever writes throws WriterFullError where that takes memory for more than `most`.
 */
export class JsonWriter {
  /** What was written stands at its start. Other memory takes its place when there is no more room in it. */
  bytes: Buffer
  /** How many bytes were written; set back, it forgets what came after. */
  used = 0
  /** What is written may not make its memory larger than for so much: looked at only when more is needed. */
  most = Number.POSITIVE_INFINITY

  /** @param firstBytes how much memory it begins with */
  constructor(private readonly firstBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(firstBytes)
  }

  /** Writes a text as it is, of ASCII characters. */
  ascii(text: string): void {
    this.reserve(text.length)
    const { bytes } = this
    let at = this.used
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index)
    this.used = at
  }

  /** Copies bytes that are written already. */
  copy(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from)
    this.bytes.set(source.subarray(from, to), this.used)
    this.used += to - from
  }

  /** Writes a string in its quotes. @returns false, and nothing is written, where it holds half a surrogate pair */
  string(text: string): boolean {
    this.reserve(SHORT_BYTES)
    const end = this.short(text, this.used)
    if (end === NOT_SHORT) return this.anyString(text)
    this.used = end
    return true
  }

  /** Writes a whole number from 0 to 2^53 - 1. */
  integer(value: number): void {
    if (value > MOST_BITS) this.ascii(String(value))
    else this.digits(value | 0)
  }

  /**
   * Writes a value that JSON keeps as it is, and that is plain: strings, numbers, booleans, null, and arrays and objects of
   * those, without a `toJSON`.
   *
   * @returns false, and nothing is written, for any other: it may be one that JSON keeps all the same
   */
  value(value: unknown): boolean {
    const start = this.used
    if (this.member(value, MAX_DEPTH)) return true
    this.used = start
    return false
  }

  /** Takes back what was written from one place to another, if it is what was written last. */
  takeBack(bytes: Buffer, from: number, to: number): void {
    if (bytes === this.bytes && to === this.used) this.used = from
  }

  /** Goes on in other memory, once half of this is taken: what stands in it belongs to whoever refers to it. */
  moveOn(): void {
    if (this.used > this.firstBytes / 2 || this.bytes.length > KEPT_BYTES) this.renew()
  }

  /** Gives what was written, as memory of its own, and begins anew. */
  take(): Buffer {
    const content = Buffer.from(this.bytes.subarray(0, this.used))
    this.used = 0
    if (this.bytes.length > KEPT_BYTES) this.renew()
    return content
  }

  private renew(): void {
    this.bytes = Buffer.allocUnsafeSlow(this.firstBytes)
    this.used = 0
  }

  private member(value: unknown, depthLeft: number): boolean {
    switch (typeof value) {
      case 'string':
        return this.string(value)
      case 'number':
        return this.number(value)
      case 'boolean':
        this.ascii(value ? 'true' : 'false')
        return true
      case 'object':
        if (value !== null) return this.members(value, depthLeft)
        this.ascii('null')
        return true
      default:
        return false
    }
  }

  private number(value: number): boolean {
    // Of -0 JSON keeps the 0.
    if (value >= 0 && (value | 0) === value) this.digits(value | 0)
    else if (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))) {
      this.ascii(String(value))
    } else return false
    return true
  }

  private members(value: object, depthLeft: number): boolean {
    if (depthLeft === 0 || typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return false
    const prototype: unknown = Object.getPrototypeOf(value)
    if (Array.isArray(value)) return prototype === Array.prototype && this.array(value, depthLeft - 1)
    return prototype === Object.prototype && this.object(value as Record<string, unknown>, depthLeft - 1)
  }

  private array(value: readonly unknown[], depthLeft: number): boolean {
    this.byte(OPEN_BRACKET)
    // Taken once, as JSON.stringify does: a getter in it may make it longer each time.
    const { length } = value
    for (let index = 0; index < length; index++) {
      if (index > 0) this.byte(COMMA)
      if (!this.member(value[index], depthLeft)) return false
    }
    this.byte(CLOSE_BRACKET)
    return true
  }

  private object(value: Readonly<Record<string, unknown>>, depthLeft: number): boolean {
    let before = OPEN_BRACE
    for (const key in value) {
      const member = value[key]
      if (member === undefined || !Object.hasOwn(value, key)) continue
      if (!this.key(before, key)) return false
      before = COMMA
      if (!this.member(member, depthLeft)) return false
    }
    if (before === OPEN_BRACE) this.byte(OPEN_BRACE)
    this.byte(CLOSE_BRACE)
    return true
  }

  /** Writes a key with what stands before it, a brace or a comma, and the colon behind it. */
  private key(before: number, key: string): boolean {
    this.reserve(SHORT_BYTES)
    this.bytes[this.used] = before
    const end = this.short(key, this.used + 1)
    if (end === NOT_SHORT) {
      this.used++
      if (!this.anyString(key)) return false
      this.byte(COLON)
      return true
    }
    this.bytes[end] = COLON
    this.used = end + 1
    return true
  }

  /** Writes a short string that needs no escape, where there is room for it. @returns where it ends, or NOT_SHORT */
  private short(text: string, start: number): number {
    const { length } = text
    if (length > SHORT) return NOT_SHORT
    const { bytes } = this
    let at = start
    bytes[at++] = QUOTE
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) return NOT_SHORT
      bytes[at++] = unit
    }
    bytes[at++] = QUOTE
    return at
  }

  private digits(value: number): void {
    this.reserve(SHORT_BYTES)
    const { bytes } = this
    let rest = value
    let at = this.used + digitsOf(value)
    this.used = at
    do {
      const tenth = (rest / 10) | 0
      bytes[--at] = ZERO + rest - tenth * 10
      rest = tenth
    } while (rest > 0)
  }

  private anyString(text: string): boolean {
    if (!text.isWellFormed()) return false
    this.reserve(text.length)
    this.text(JSON.stringify(text))
    return true
  }

  private text(text: string): void {
    // A UTF-16 unit takes at most 3 bytes: the exact count, which has to look at the text, is rarely needed.
    if (this.used + text.length * 3 > this.bytes.length) this.reserve(Buffer.byteLength(text))
    this.used += this.bytes.write(text, this.used)
  }

  private byte(byte: number): void {
    this.reserve(1)
    this.bytes[this.used++] = byte
  }

  private reserve(bytes: number): void {
    if (this.used + bytes > this.bytes.length) this.grow(this.used + bytes)
  }

  private grow(needed: number): void {
    if (needed > this.most) throw new WriterFullError(needed)
    const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)))
    this.bytes.copy(grown, 0, 0, this.used)
    this.bytes = grown
  }
}

/** More was to be written than there may be. For whoever set the bound: users get an error that says what was too large. */
export class WriterFullError extends Error {
  /** @param needed how far the writer would have been used: what was to be written takes at least so much */
  constructor(readonly needed: number) {
    super('more was to be written than there may be')
    this.name = 'WriterFullError'
  }
}

/** How many decimal digits a number below 2^31 has. */
function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; limit <= value && digits < 10; limit *= 10) digits++
  return digits
}
