import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, parseStrictJson, StrictJsonError } from '../../src/event/strict-json.ts'

// A double such as 1e300 is an integer beyond 2^53.
const HUGE_INTEGER = /\d{16}|e\+/

function errorOf(text: string, place = {}): StrictJsonError {
  try {
    parseStrictJson(text, place)
  } catch (error) {
    if (error instanceof StrictJsonError) return error
    throw error
  }
  throw new Error(`${text} was accepted`)
}

describe('parseStrictJson', () => {
  it('gives what JSON.parse gives for all that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (text) => {
        fc.pre(!HUGE_INTEGER.test(text))
        expect(parseStrictJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('accepts no text that JSON.parse refuses, and refuses no other for its syntax', () => {
    // Mutations of real JSON reach more of the grammar than random characters.
    const mutated = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"\\u0-+.eE1 \n\ttfn', ''), fc.boolean())
      .map(([text, at, character, isInsertion]) => {
        const place = at % (text.length + 1)
        return text.slice(0, place) + character + text.slice(place + (isInsertion ? 0 : 1))
      })
    fc.assert(
      fc.property(mutated, (text) => {
        let isJson = true
        try {
          JSON.parse(text)
        } catch {
          isJson = false
        }
        try {
          parseStrictJson(text)
          expect(isJson).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(StrictJsonError)
          if (isJson) expect(String(error)).not.toContain('expected')
        }
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['{"a":1,"a":2}', 8],
    ['{"a":1,"\\u0061":2}', 8],
    [`{${Array.from({ length: 30 }, (_, i) => `"k${i}":${i},`).join('')}"k3":0}`, 252],
  ])('refuses a key that stands twice: %s', (text, column) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ code: 'invalid-json', line: 1, column })
    expect(error.message).toContain('twice')
  })

  it('accepts the same key in two objects', () => {
    expect(parseStrictJson('[{"a":{"a":1}},{"a":2}]')).toEqual([{ a: { a: 1 } }, { a: 2 }])
  })

  it.each([
    '9007199254740992',
    '-9007199254740992',
    '9007199254740993.0',
    '123456789012345678901234567890',
    '1e21',
    '1.5e300',
    '1e999',
    '-1e999',
    '1e-999',
    `0.${'0'.repeat(400)}1`,
    `-0.${'0'.repeat(324)}1`,
    '0.00e1',
  ])('refuses or keeps the number %s, never changes it', (text) => {
    if (Number(text) === 0 && !/[1-9]/.test(text.split('e')[0]!)) expect(parseStrictJson(text)).toBe(0)
    else expect(errorOf(`[\n ${text}]`)).toMatchObject({ line: 2, column: 2 })
  })

  it.each([
    '9007199254740991',
    '-9007199254740991',
    '5e-324',
    `0.${'0'.repeat(400)}`,
    '0.1',
    '1E2',
    '-0',
    '0e5',
  ])('accepts the number %s', (text) => {
    expect(parseStrictJson(text)).toBe(Number(text))
  })

  it.each(['"\ud800"', '"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800":1}', '"\ud83d\\n"'])(
    'refuses half of a surrogate pair: %j',
    (text) => {
      expect(errorOf(text).message).toContain('surrogate')
    },
  )

  it.each(['"😀"', '"\\ud83d\\ude00"', '"\\uD83D\ude00"', '"\ud83d\\ude00"'])(
    'accepts a whole surrogate pair: %j',
    (text) => {
      expect(parseStrictJson(text)).toBe('😀')
    },
  )

  it(`accepts ${MAX_DEPTH} levels and refuses one more, and 200, and 100,000`, () => {
    const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`
    expect(parseStrictJson(nested(MAX_DEPTH))).toBeTruthy()
    expect(errorOf(`[${nested(MAX_DEPTH)}]`).message).toContain('nested deeper than 100 levels')
    expect(errorOf(nested(200)).message).toContain('nested')
    expect(errorOf(nested(100_000)).message).toContain('nested')
    expect(parseStrictJson(`[${nested(MAX_DEPTH)}]`, { maxDepth: MAX_DEPTH + 1 })).toBeTruthy()
  })

  it('makes __proto__ an own property', () => {
    const value = parseStrictJson('{"__proto__":{"polluted":true}}')
    expect(Object.keys(value as object)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it.each([
    ['', 1, 1, 'expected a value, found the end of the text'],
    ['{"a":1,}', 1, 8, "expected a key in double quotes, found '}'"],
    ['[1 2]', 1, 4, 'expected "," or "]", found a digit'],
    ['{"a" 1}', 1, 6, 'expected ":" after the key, found a digit'],
    ['{\n  "a": secret\n}', 2, 8, 'expected a value, found a letter'],
    ['01', 1, 1, 'leading zero'],
    ['1.', 1, 3, 'expected a digit'],
    ['-', 1, 2, 'expected a digit'],
    ['1e+', 1, 4, 'expected a digit'],
    ['"abc', 1, 5, 'closing quote'],
    ['"a\nb"', 1, 3, 'U+000A'],
    ['"\\x"', 1, 3, 'escapes'],
    ['"\\u12g4"', 1, 3, 'hexadecimal'],
    ['nul', 1, 1, 'null'],
    ['1 2', 1, 3, 'nothing after the value'],
    ['\ufeff1', 1, 1, 'U+FEFF'],
  ])('says where %j breaks and what was expected there', (text, line, column, part) => {
    const error = errorOf(text)
    expect(error).toMatchObject({ line, column })
    expect(error.message).toContain(part)
    expect(error.hint).toBeTruthy()
  })

  it('names the file and counts lines from where the text stands in it', () => {
    expect(errorOf('{\n!', { name: 'a.jsonl', line: 7 })).toMatchObject({
      message: 'a.jsonl: line 8, column 1: expected a key in double quotes, found U+0021',
      line: 8,
    })
  })

  it('never repeats the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'qxzj'), minLength: 3 }), (secret) => {
        for (const text of [secret, `"${secret}`, `{"${secret}":1,"${secret}":2}`, `["${secret}\\ud800"]`]) {
          expect(errorOf(text).message).not.toContain(secret)
        }
      }),
    )
  })
})
