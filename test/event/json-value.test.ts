import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidDataError, writeJsonValue } from '../../src/event/json-value.ts'
import { JsonWriter } from '../../src/event/json-writer.ts'

function written(value: unknown, name?: string): string {
  const writer = new JsonWriter(64)
  writeJsonValue(writer, value, name)
  return writer.take().toString()
}

function errorOf(value: unknown): InvalidDataError {
  try {
    written(value)
  } catch (error) {
    if (error instanceof InvalidDataError) return error
    throw error
  }
  throw new Error('the value was accepted')
}

class Money {
  constructor(readonly amount: number) {}
}

class Itself {
  toJSON(): this {
    return this
  }
}

describe('writeJsonValue', () => {
  it('accepts what JSON keeps, and only that', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true }),
        (value) => {
          let text: string
          try {
            text = written(value)
          } catch {
            return
          }
          expect(text).toBe(JSON.stringify(value))
          expect(JSON.stringify(JSON.parse(text))).toBe(text)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('accepts every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        // A double such as 1e300 is an integer that JSON readers may change.
        fc.pre(!/\d{16}|e\+/.test(JSON.stringify(value)))
        expect(written(value)).toBe(JSON.stringify(value))
      }),
    )
  })

  it.each([
    ['a Date', new Date(0)],
    ['an object of a class', new Money(3)],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['undefined as a property', { a: undefined, b: 1 }],
    ['an object with toJSON', { toJSON: () => ({ amount: '12.50' }) }],
    ['an object whose toJSON returns itself', new Itself()],
    ['a URL', new URL('https://example.org/')],
    ['a key __proto__', JSON.parse('{"__proto__":1}')],
    ['the same object twice', ((shared) => [shared, shared])({ a: 1 })],
  ])('writes %s as JSON does', (_, value) => {
    expect(written(value)).toBe(JSON.stringify(value))
  })

  it.each([
    ['BigInt', 10n, 'a bigint'],
    ['NaN', Number.NaN, 'NaN or infinite'],
    ['Infinity', Number.NEGATIVE_INFINITY, 'NaN or infinite'],
    ['2^53', 2 ** 53, '2^53'],
    ['1e21', 1e21, '2^53'],
    ['half a surrogate pair', 'a\ud800', 'surrogate'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['undefined in an array', [undefined], 'undefined'],
    ['a hole in an array', new Array(1), 'undefined'],
    ['a Map', new Map([[1, 2]]), 'a Map'],
    ['a Set', new Set(), 'a Set'],
    ['a RegExp', /a/, 'a RegExp'],
    ['an Error', new TypeError('x'), 'a Error'],
    ['a Promise', Promise.resolve(1), 'a Promise'],
    ['bytes', new Uint8Array(2), 'a Uint8Array'],
    ['a Buffer', Buffer.from('a'), 'a Uint8Array'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'a ArrayBuffer'],
    ['a boxed number', Object(5), 'a Number'],
    ['an invalid Date', new Date(Number.NaN), 'an invalid Date'],
    ['a boxed BigInt', Object(1n), 'a BigInt'],
    ['a boxed symbol', Object(Symbol('s')), 'a Symbol'],
    ['a query string', new URLSearchParams('a=1'), 'a URLSearchParams'],
    ['headers', new Headers({ a: '1' }), 'a Headers'],
    ['an iterator', new Map([[1, 2]]).entries(), 'a Map Iterator'],
    ['a Map from toJSON', { toJSON: () => new Map([[1, 2]]) }, 'a Map'],
    ['a Date from toJSON', { toJSON: () => new Date(0) }, 'a Date'],
    ['a bad result of toJSON', { toJSON: () => 5n }, 'a bigint'],
  ])('refuses %s', (_, value, problem) => {
    const error = errorOf({ value: [value] })
    expect(error.code).toBe('invalid-data')
    expect(error.path).toMatch(/^data\.value\[0\]/)
    expect(error.message).toContain(problem)
    expect(error.hint).toBeTruthy()
  })

  it('refuses half a surrogate pair in a key', () => {
    expect(errorOf({ 'a\ud800': 1 }).problem).toContain('surrogate')
  })

  it('refuses undefined itself', () => {
    expect(errorOf(undefined).path).toBe('data')
  })

  it('writes the path as code would', () => {
    expect(errorOf({ items: [0, 0, 0, { 'net amount': Number.NaN }] }).path).toBe(
      'data.items[3]["net amount"]',
    )
    expect(() => written({ a: 1n }, 'metadata')).toThrow('metadata.a is a bigint')
  })

  it('refuses a value that contains itself, and shows the start of its path', () => {
    const cycle: { next?: unknown } = {}
    cycle.next = cycle
    const error = errorOf(cycle)
    expect(error.problem).toContain('contains itself')
    expect(error.path).toBe(`data${'.next'.repeat(10)}…`)
  })

  it('asks each getter and each toJSON once, and writes what it checked', () => {
    let asked = 0
    const items = [1, 2].values()
    const value = {
      at: new Date(0),
      list: { toJSON: () => [...items] },
      get text() {
        return asked++ === 0 ? 'whole' : 'half \ud800'
      },
    }
    expect(written(value)).toBe('{"at":"1970-01-01T00:00:00.000Z","list":[1,2],"text":"whole"}')
  })

  it('refuses an invalid Date of another realm', () => {
    expect(errorOf(runInNewContext('[new Date(NaN)]')).problem).toBe('an invalid Date')
  })

  it('accepts 100 levels and refuses 101', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
    written(nested(100))
    expect(errorOf(nested(101)).problem).toContain('nested')
  })
})
