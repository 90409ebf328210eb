import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StoredEvent } from '../../src/event/stored-event.ts'
import { findUnsavable } from '../../src/image/savable-state.ts'
import { linesOf } from '../event/text-lines.ts'

const line =
  '{"id":"1","stream":"a","version":1,"type":"X","time":"2026-11-23T05:21:48.123Z","data":{"n":1}}\n'
const event = new StoredEvent(1, linesOf(line, 'test'), 0)
const shared = new Uint8Array(8)
const circle: { self?: unknown } = {}
circle.self = circle

class Account {
  balance = 1
}

describe('a state that comes back as it is', () => {
  test.each<[string, unknown]>([
    ['a number', 1],
    ['nothing', undefined],
    ['null', null],
    ['a big integer', 12n],
    ['a map of maps', new Map([['a', new Map([['b', { c: [1, 2, { d: new Set(['e']) }] }]])]])],
    ['a map with objects as keys', new Map([[{ a: 1 }, { b: 2 }]])],
    ['a date', new Date(0)],
    ['an expression', { pattern: /a+/gu }],
    ['typed arrays', [new Uint8Array([1]), new Float64Array(2), new BigInt64Array(1), Buffer.from('a')]],
    ['buffers', [new ArrayBuffer(4), new ArrayBuffer(4), new Uint8Array(4)]],
    ['views side by side', [new Uint8Array(shared.buffer, 0, 4), new Uint8Array(shared.buffer, 4, 4)]],
    ['boxed values', [Object(1), Object('a'), Object(true), Object(1n)]],
    ['a list with holes', Object.assign(new Array(3), { 0: 1, 2: 3 })],
    ['an object in itself', circle],
    ['an event as a plain object', event.toJSON()],
    ['fields with the names of inherited ones', JSON.parse('{"__proto__":1,"constructor":2}')],
  ])('%s', (_, state) => {
    expect(findUnsavable(state)).toBeUndefined()
    expect(deserialize(serialize(state))).toStrictEqual(state)
  })

  test('any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (state) => {
        expect(findUnsavable(state)).toBeUndefined()
        expect(deserialize(serialize(state))).toStrictEqual(state)
      }),
    )
  })

  test('what was loaded can be saved again', () => {
    const state = { first: new Uint8Array([1, 2]), second: new Uint8Array([3]), third: new Float64Array(1) }
    expect(findUnsavable(deserialize(serialize(state)))).toBeUndefined()
  })
})

describe('a state that would not come back as it is', () => {
  test.each<[string, unknown, RegExp]>([
    ['an object of a class', new Map([['a', new Account()]]), /^state<value> is of the class Account/],
    ['a function', { list: [1, { call: () => 1 }] }, /^state\.list\[1\]\.call is a function/],
    ['a symbol', new Set([Symbol('a')]), /^state<entry> is a symbol/],
    ['a symbol as a key', { a: { [Symbol('a')]: 1 } }, /^state\.a has a symbol as a key/],
    ['an event as a handler gets it', { last: event }, /^state\.last is an event/],
    ['a getter', Object.defineProperty({}, 'a', { get: () => 1, enumerable: true }), /^state has a getter/],
    ['a hidden field', Object.defineProperty({}, 'a', { value: 1 }), /^state has a hidden field/],
    ['an object without prototype', Object.create(null), /^state has no prototype/],
    ['a map with fields', Object.assign(new Map(), { a: 1 }), /^state has fields of its own/],
    ['an array with fields', Object.assign([1], { a: 1 }), /^state is an array with fields/],
    ['an extended map', new (class Extended extends Map {})(), /^state is of the class Extended/],
    ['an extended array', new (class Extended extends Array {})(), /^state is of the class Extended/],
    ['an error', { error: new Error('a') }, /^state\.error is of the class Error/],
    ['an expression with fields', Object.assign(/a/, { a: 1 }), /^state has fields of its own/],
    ['a boxed text with fields', Object.assign(new String('ab'), { a: 1 }), /^state has fields of its own/],
    ['an expression in use', Object.assign(/a/g, { lastIndex: 1 }), /^state is a RegExp in use/],
    ['two views on the same bytes', [shared, shared.subarray(2)], /shares its memory/],
    [
      'a buffer and a view on it',
      { view: new Uint8Array(shared.buffer), buffer: shared.buffer },
      /shares its/,
    ],
    ['a view on the end of a buffer', [shared.buffer, shared.subarray(7)], /shares its memory/],
    ['a promise', [Promise.resolve()], /^state\[0\] is of the class Promise/],
    ['a weak map', new WeakMap(), /^state is of the class WeakMap/],
  ])('%s', (_, state, problem) => {
    expect(findUnsavable(state)).toMatch(problem)
  })

  test('is told without the keys of maps, which are the data of users', () => {
    expect(findUnsavable(new Map([['ada@example.org', [new Account()]]]))).not.toContain('ada')
  })
})
