import { MemoirError } from './errors.ts'
import type { Json } from './event.ts'

/** How deep JSON may be nested: `[[]]` is two levels. Far above real events, far below a stack's limits. */
export const MAX_DEPTH = 100

/** Where a text that is parsed comes from, for error messages. */
export interface JsonPlace {
  /** Name of the file or argument, put in front of the message. */
  readonly name?: string
  /** Line on which the text starts in it, from 1. Default 1. */
  readonly line?: number
  /** Levels of nesting that are accepted. Default {@link MAX_DEPTH}. */
  readonly maxDepth?: number
}

/** A text is not JSON, or is JSON whose value `JSON.parse` would change without a word. */
export class StrictJsonError extends MemoirError {
  readonly code = 'invalid-json'

  constructor(
    /** Both from 1; the column counts UTF-16 units. */
    readonly line: number,
    readonly column: number,
    /** What is wrong there, in words; never the text itself. */
    readonly problem: string,
    hint: string,
    readonly source?: string,
  ) {
    super(`${source === undefined ? '' : `${source}: `}line ${line}, column ${column}: ${problem}`, { hint })
  }
}

/**
 * Parses JSON, and refuses what `JSON.parse` would silently change: a key that stands twice, numbers that
 * a double cannot hold (integers beyond ±(2^53 - 1), 1e999, 1e-999), lone surrogates; also deep nesting.
 * A key `__proto__` becomes an own property, as with `JSON.parse`.
 *
 * One pass over the text before the native parser: about 75 MB a second, where `JSON.parse` alone does 200.
 *
 * @throws StrictJsonError with line and column.
 */
export function parseStrictJson(text: string, place: JsonPlace = {}): Json {
  new Scanner(text, place).scan()
  return JSON.parse(text)
}

declare global {
  interface String {
    /** No lone surrogates. In Node since 20; TypeScript's library has it from ES2024 on. */
    isWellFormed(): boolean
  }
}

const SYNTAX_HINT = 'Correct the JSON at this place.'
const NUMBER_HINT = 'Write it as a string, or with fewer digits: a double would store another value.'
const SURROGATE_HINT = 'Write the whole character, or U+FFFD in its place.'

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const LETTER_E = 0x65
const LETTER_F = 0x66
const LETTER_N = 0x6e
const LETTER_T = 0x74
const LETTER_U = 0x75
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
/** Every integer of this many digits is a safe one, and no number with so many behind the point is too small. */
const SAFE_DIGITS = 15
const MOST_DECIMALS = 300
/** Comparing with a few keys is faster than a Set; beyond, it would be quadratic. */
const FEW_KEYS = 12

/** Recursive descent over character codes; its recursion is bounded by the depth it accepts. */
class Scanner {
  private at = 0
  private depth = 0
  private readonly maxDepth: number

  constructor(
    private readonly text: string,
    private readonly place: JsonPlace,
  ) {
    this.maxDepth = place.maxDepth ?? MAX_DEPTH
  }

  scan(): void {
    this.value()
    this.skipSpace()
    if (this.at < this.text.length) this.expected('nothing after the value')
  }

  private value(): void {
    const code = this.skipSpace()
    if (code === QUOTE) this.string()
    else if (code === OPEN_OBJECT) this.object()
    else if (code === OPEN_ARRAY) this.array()
    else if (code === MINUS || (code >= ZERO && code <= NINE)) this.number()
    else if (code === LETTER_T) this.word('true')
    else if (code === LETTER_F) this.word('false')
    else if (code === LETTER_N) this.word('null')
    else this.expected('a value')
  }

  private object(): void {
    this.enter()
    if (this.skipSpace() !== CLOSE_OBJECT) this.members()
    this.leave()
  }

  private members(): void {
    const few: string[] = []
    let many: Set<string> | undefined
    do {
      if (this.skipSpace() !== QUOTE) this.expected('a key in double quotes')
      const start = this.at
      const key = this.key()
      if (many ? many.has(key) : few.includes(key)) {
        this.refuse('this key stands twice in one object', 'Keep one: readers disagree which counts.', start)
      }
      if (many) many.add(key)
      else if (few.push(key) > FEW_KEYS) many = new Set(few)
      if (this.skipSpace() !== COLON) this.expected('":" after the key')
      this.at++
      this.value()
    } while (this.goesOn(CLOSE_OBJECT, '"," or "}"'))
  }

  private array(): void {
    this.enter()
    if (this.skipSpace() !== CLOSE_ARRAY) {
      do this.value()
      while (this.goesOn(CLOSE_ARRAY, '"," or "]"'))
    }
    this.leave()
  }

  /** Steps over a comma; false before the closing bracket. */
  private goesOn(close: number, either: string): boolean {
    const code = this.skipSpace()
    if (code === close) return false
    if (code !== COMMA) this.expected(either)
    this.at++
    return true
  }

  private enter(): void {
    if (++this.depth > this.maxDepth) {
      this.refuse(`nested deeper than ${this.maxDepth} levels`, 'Flatten the value, or store it as a string.')
    }
    this.at++
  }

  private leave(): void {
    this.depth--
    this.at++
  }

  private key(): string {
    const start = this.at
    const isPlain = this.string()
    return isPlain ? this.text.slice(start + 1, this.at - 1) : JSON.parse(this.text.slice(start, this.at))
  }

  /** Steps over a string; true when it holds no escapes, so that its characters are its value. */
  private string(): boolean {
    const { text } = this
    const start = this.at
    let isPlain = true
    let hasSurrogates = false
    for (let at = start + 1; ; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        this.at = at + 1
        break
      }
      if (code === BACKSLASH) {
        isPlain = false
        this.at = ++at
        if (text.charCodeAt(at) === LETTER_U) {
          const unit = this.hexadecimal(at + 1)
          at += 4
          hasSurrogates ||= unit >= 0xd800 && unit <= 0xdfff
        } else if (at >= text.length || !'"\\/bfnrt'.includes(text[at]!)) {
          this.expected('one of the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u')
        }
      } else if (code >= 0xd800 && code <= 0xdfff) {
        hasSurrogates = true
      } else if (!(code >= 32)) {
        this.at = at
        this.expected('a closing quote, or an escape for the control character')
      }
    }
    if (hasSurrogates && !(JSON.parse(text.slice(start, this.at)) as string).isWellFormed()) {
      this.refuse('this string holds half of a surrogate pair', SURROGATE_HINT, start)
    }
    return isPlain
  }

  private hexadecimal(at: number): number {
    const digits = this.text.slice(at, at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.expected('four hexadecimal digits after \\u')
    return Number.parseInt(digits, 16)
  }

  private number(): void {
    const start = this.at
    if (this.text.charCodeAt(start) === MINUS) this.at++
    const leading = this.text.charCodeAt(this.at)
    const digits = this.digits()
    if (leading === ZERO && digits > 1) this.refuse('a number with a leading zero', SYNTAX_HINT, start)
    let isShort = digits <= SAFE_DIGITS
    if (this.text.charCodeAt(this.at) === POINT) {
      this.at++
      isShort = this.digits() <= MOST_DECIMALS && isShort
    }
    const code = this.text.charCodeAt(this.at) | 32
    if (code === LETTER_E) {
      isShort = false
      const sign = this.text.charCodeAt(++this.at)
      if (sign === PLUS || sign === MINUS) this.at++
      this.digits()
    }
    if (!isShort) this.checkNumber(start)
  }

  /** Steps over one digit or more; how many. */
  private digits(): number {
    const start = this.at
    let code = this.text.charCodeAt(start)
    if (!(code >= ZERO && code <= NINE)) this.expected('a digit')
    while (code >= ZERO && code <= NINE) code = this.text.charCodeAt(++this.at)
    return this.at - start
  }

  private checkNumber(start: number): void {
    const literal = this.text.slice(start, this.at)
    const problem = findNumberProblem(Number(literal))
    if (problem) this.refuse(problem, NUMBER_HINT, start)
    if (isTooSmall(literal)) this.refuse(TOO_SMALL, NUMBER_HINT, start)
  }

  private word(word: string): void {
    if (!this.text.startsWith(word, this.at)) this.expected('true, false, null or another value')
    this.at += word.length
  }

  /** Skips white space; the code of the character that follows, NaN at the end. */
  private skipSpace(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return code
      this.at++
    }
  }

  private expected(what: string, at = this.at): never {
    this.refuse(`expected ${what}, found ${nameOf(this.text[at])}`, SYNTAX_HINT, at)
  }

  private refuse(problem: string, hint: string, at = this.at): never {
    const before = this.text.slice(0, at)
    const lineStart = before.lastIndexOf('\n') + 1
    const line = (this.place.line ?? 1) + before.split('\n').length - 1
    throw new StrictJsonError(line, at - lineStart + 1, problem, hint, this.place.name)
  }
}

/** Why JSON cannot keep this number, or undefined when it can. */
export function findNumberProblem(value: number): string | undefined {
  if (!Number.isFinite(value)) return 'a number beyond what a double holds (NaN or infinite)'
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return 'an integer beyond ±(2^53 - 1)'
  return undefined
}

export const TOO_SMALL = 'a number too small for a double: it would become 0'

/** Whether a double makes 0 of a number that is none, as it is written in JSON. */
export function isTooSmall(literal: string): boolean {
  return Number(literal) === 0 && /^-?[0.]*[1-9]/.test(literal)
}

/** Names a character by what it is in JSON, so that no message repeats what the text holds. */
function nameOf(character: string | undefined): string {
  if (character === undefined) return 'the end of the text'
  if ('{}[]:,"'.includes(character)) return `'${character}'`
  if (/[0-9]/.test(character)) return 'a digit'
  if (/\p{L}/u.test(character)) return 'a letter'
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}
