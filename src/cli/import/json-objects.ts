import type { Json } from '../../event/event.ts'
import { MAX_DEPTH, parseStrictJson, StrictJsonError } from '../../event/strict-json.ts'
import { ImportError } from './imported-event.ts'
import { checkUtf8 } from './utf8.ts'

/** One object of a JSON file, and the line on which it starts, from 1. */
export interface JsonObject {
  readonly value: { readonly [key: string]: Json }
  readonly line: number
}

/** The longest object, in characters: more than any event may hold. Nothing else is done while one is parsed. */
const MAX_LENGTH = 1 << 24

/**
 * Reads the objects of a file one by one, in flat memory: JSON lines, objects that span lines, or one array
 * of objects. Blank lines are skipped.
 *
 * @throws ImportError with the line.
 */
export async function* readJsonObjects(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<JsonObject> {
  const splitter = new Splitter()
  for await (const chunk of checkUtf8(bytes)) yield* splitter.push(chunk.toString())
  splitter.end()
}

const LF = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Cuts text into its top-level objects. Looks at brackets and quotes only: the parser checks the rest. */
class Splitter {
  // before → objects (JSON lines)  |  before → first or next → between → next … → after (an array)
  private state: 'before' | 'objects' | 'first' | 'next' | 'between' | 'after' = 'before'
  private line = 1
  private startLine = 1
  private depth = 0
  private isString = false
  private isEscaped = false
  /** The start of an object whose end is in a later chunk. */
  private begun = ''

  end(): void {
    if (this.depth > 0) this.refuse('the object is never closed', 'The file may be cut off.', this.startLine)
    if (this.state === 'first' || this.state === 'next' || this.state === 'between') {
      this.refuse('the array is never closed', 'The file may be cut off.')
    }
  }

  *push(chunk: string): Generator<JsonObject> {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at)
      if (code === LF) this.line++
      if (this.isString) this.stepInString(code)
      else if (this.depth === 0) {
        if (code === OPEN_OBJECT) {
          start = at
          this.open()
        } else this.stepBetween(code)
      } else if (code === QUOTE) this.isString = true
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) this.depth++
      else if ((code === CLOSE_OBJECT || code === CLOSE_ARRAY) && --this.depth === 0) {
        yield this.parse(this.begun + chunk.slice(start, at + 1))
        this.begun = ''
        start = at + 1
      }
    }
    if (this.depth > 0) this.begun += chunk.slice(start)
    this.checkLength(this.begun)
  }

  private checkLength(text: string): void {
    if (text.length <= MAX_LENGTH) return
    this.refuse(
      `an object is longer than ${MAX_LENGTH} characters`,
      'Close its braces and quotes.',
      this.startLine,
    )
  }

  private stepInString(code: number): void {
    if (this.isEscaped) this.isEscaped = false
    else if (code === BACKSLASH) this.isEscaped = true
    else if (code === QUOTE) this.isString = false
    // Noticed here, so that a quote left open does not swallow the file.
    else if (code === LF) this.refuse('a string is not closed', 'Write a line break as \\n.', this.line - 1)
  }

  private open(): void {
    if (this.state === 'between')
      this.refuse('a comma is missing before this object', 'Separate them by commas.')
    if (this.state === 'after')
      this.refuse('something follows the array', 'A file holds one array, or objects.')
    this.state = this.state === 'before' || this.state === 'objects' ? 'objects' : 'between'
    this.depth = 1
    this.startLine = this.line
  }

  private stepBetween(code: number): void {
    if (code === LF || code === 0x20 || code === 0x0d || code === 0x09) return
    if (code === OPEN_ARRAY && this.state === 'before') this.state = 'first'
    else if (code === COMMA && this.state === 'between') this.state = 'next'
    else if (code === CLOSE_ARRAY && (this.state === 'first' || this.state === 'between'))
      this.state = 'after'
    else this.refuse('expected an object', 'Give one JSON object a line, or one array of objects.')
  }

  private parse(text: string): JsonObject {
    this.checkLength(text)
    try {
      // The object itself is a level around its data, which may have MAX_DEPTH of them.
      const value = parseStrictJson(text, { line: this.startLine, maxDepth: MAX_DEPTH + 1 })
      return { value: value as JsonObject['value'], line: this.startLine }
    } catch (error) {
      if (!(error instanceof StrictJsonError)) throw error
      throw new ImportError(error.line, `column ${error.column}: ${error.problem}`, error.hint ?? '', error)
    }
  }

  private refuse(problem: string, hint: string, line = this.line): never {
    throw new ImportError(line, problem, hint)
  }
}
