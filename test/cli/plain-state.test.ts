import { expect, test } from 'vitest'
import { findEntry, plainState } from '../../src/cli/plain-state.ts'
import { stateLines } from '../../src/cli/state-text.ts'

test('a Map becomes an object, with every key its own', () => {
  const state = new Map([
    ['__proto__', 1],
    ['constructor', 2],
  ])
  expect(JSON.stringify(plainState(state))).toBe('{"__proto__":1,"constructor":2}')
})

test('a Map whose keys are no texts becomes pairs', () => {
  expect(plainState(new Map([[1, new Map([['a', 2]])]]))).toEqual([[1, { a: 2 }]])
})

test('sets, dates, typed arrays and classes are shown by what they hold', () => {
  class Account {
    readonly balance = 3
  }
  const state = { set: new Set([1]), date: new Date(0), bytes: new Uint8Array([7]), account: new Account() }
  expect(plainState(state)).toEqual({
    set: [1],
    date: '1970-01-01T00:00:00.000Z',
    bytes: [7],
    account: { balance: 3 },
  })
})

test('what JSON cannot hold becomes a text', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  expect(plainState([1n, Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 1, circle])).toEqual([
    '1',
    'NaN',
    'Infinity',
    null,
    '[function]',
    { self: '[circular]' },
  ])
})

test('the same value twice is no circle', () => {
  const shared = { n: 1 }
  expect(plainState([shared, shared])).toEqual([{ n: 1 }, { n: 1 }])
})

test('an entry is found by its own key only', () => {
  expect(findEntry(new Map([['__proto__', 1]]), '__proto__')).toEqual({ value: 1 })
  expect(findEntry({ a: 1 }, 'constructor')).toBeUndefined()
  expect(findEntry([5], '0')).toEqual({ value: 5 })
  expect(findEntry(new Map([[42, 'x']]), '42')).toEqual({ value: 'x' })
  expect(findEntry(3, 'length')).toBeUndefined()
})

test('a state reads as one entry a line, cut to the terminal', () => {
  expect(stateLines({ a: 1, long: { b: [1, 2] } })).toEqual(['a     1', 'long  {"b":[1,2]}'])
  expect(stateLines({ a: 'x'.repeat(50) }, 20)).toEqual([`a  ${'x'.repeat(16)}…`])
  expect([stateLines({}), stateLines([]), stateLines('\u001b'), stateLines(null)]).toEqual([
    ['(empty)'],
    ['(empty)'],
    ['\\u001b'],
    ['null'],
  ])
})

test('a state deeper than JSON can be is shown down to some level', () => {
  let list: unknown = null
  for (let n = 0; n < 100_000; n++) list = { next: list }
  expect(JSON.stringify(plainState(list))).toContain('[more levels]')
})

test('what cannot be read is shown as such, and the rest as it is', () => {
  const state = {
    wrong: {
      toJSON() {
        throw new Error('no')
      },
    },
    getter: Object.defineProperty({}, 'x', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    }),
    right: 1,
  }
  expect(plainState(state)).toEqual({ wrong: '[unreadable]', getter: '[unreadable]', right: 1 })
})

test('an entry is found beside keys that are no text', () => {
  const state = new Map<unknown, number>([
    [Object.create(null), 1],
    ['a', 2],
  ])
  expect(findEntry(state, 'a')).toEqual({ value: 2 })
})
