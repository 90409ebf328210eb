import { expect, onTestFinished, test } from 'vitest'
import type { NewEvent } from '../../src/event/event.ts'
import { JsonWriter } from '../../src/event/json-writer.ts'
import { lineBytes, type PreparedEvent, prepareEvents } from '../../src/event/new-event.ts'
import { encodeLine } from './encoded-line.ts'
import { linesOf } from './text-lines.ts'

const TIME = '2026-11-23T05:21:48.123Z'
const LIMIT = 10_000
const prepare = (events: unknown, stream: unknown = 's') =>
  // As JavaScript may call it.
  prepareEvents(stream as string, events as NewEvent[], LIMIT, () => 'generated', new JsonWriter(64))

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)]
}

const circular: { self?: unknown } = {}
circular.self = circular

test.each<[string, unknown, string, string]>([
  ['is no object', [null], 'invalid-event', 'event'],
  ['is a hole in the list', new Array(1), 'invalid-event', 'event'],
  ['has no type', [{ data: {} }], 'invalid-event', 'type'],
  ['has an empty type', [{ type: '' }], 'invalid-event', 'type'],
  ['has a type of 201 characters', [{ type: 'x'.repeat(201) }], 'invalid-event', 'type'],
  ['has a number for a type', [{ type: 7 }], 'invalid-event', 'type'],
  ['has a type with a line feed', [{ type: 'a\nb' }], 'invalid-event', 'type'],
  ['has a field that nobody knows', [{ type: 'T', payload: {} }], 'invalid-event', 'payload'],
  ['has schema 0', [{ type: 'T', schema: 0 }], 'invalid-event', 'schema'],
  ['has schema 1.5', [{ type: 'T', schema: 1.5 }], 'invalid-event', 'schema'],
  ['has an empty id', [{ type: 'T', id: '' }], 'invalid-event', 'id'],
  ['has a number for an id', [{ type: 'T', id: 1 }], 'invalid-event', 'id'],
  ['has text for tags', [{ type: 'T', tags: 'a' }], 'invalid-event', 'tags'],
  [
    'has 101 tags',
    [{ type: 'T', tags: Array.from({ length: 101 }, (_, at) => `t${at}`) }],
    'invalid-event',
    'tags',
  ],
  ['has a tag with half a character', [{ type: 'T', tags: ['a', '\ud800'] }], 'invalid-event', 'tags[1]'],
  ['has a time that is none', [{ type: 'T', time: 'yesterday' }], 'invalid-event', 'time'],
  ['has an invalid Date', [{ type: 'T', time: new Date(Number.NaN) }], 'invalid-event', 'time'],
  ['has a time in the year 999', [{ type: 'T', time: '0999-12-31T23:59:59Z' }], 'invalid-event', 'time'],
  [
    'has a time after the year 9999',
    [{ type: 'T', time: new Date(Date.UTC(10_000, 0)) }],
    'invalid-event',
    'time',
  ],
  ['has a list for metadata', [{ type: 'T', metadata: [] }], 'invalid-event', 'metadata'],
  ['has a Date for metadata', [{ type: 'T', metadata: new Date(0) }], 'invalid-event', 'metadata'],
  ['has a number for an actor', [{ type: 'T', metadata: { actor: 7 } }], 'invalid-event', 'metadata.actor'],
])('refuses an event that %s, and names the field', (_, events, code, field) => {
  expect(() => prepare(events)).toThrow(expect.objectContaining({ code, field, index: 0 }))
})

test.each<[string, unknown, string]>([
  ['a BigInt', { amount: 1n }, 'data.amount'],
  ['NaN', { list: [1, Number.NaN] }, 'data.list[1]'],
  ['infinity', Number.POSITIVE_INFINITY, 'data'],
  ['a lone surrogate', { text: 'a\ud800' }, 'data.text'],
  ['a lone surrogate in a key', { 'a\ud800': 1 }, 'data'],
  ['an integer over 2^53', { n: 2 ** 53 }, 'data.n'],
  ['a function', { f: () => 1 }, 'data.f'],
  ['a Map', new Map(), 'data'],
  ['itself', circular, 'data'],
  ['200 levels', nested(200), 'data'],
])('refuses data that holds %s, and says where', (_, data, path) => {
  expect(() => prepare([{ type: 'T', data }])).toThrow(expect.objectContaining({ code: 'invalid-data' }))
  expect(() => prepare([{ type: 'T', data }])).toThrow(path)
  expect(() => prepare([{ type: 'T', metadata: { data } }])).toThrow(
    expect.objectContaining({ code: 'invalid-data' }),
  )
})

test.each<[string, unknown]>([
  ['an empty name', ''],
  ['201 characters', 'x'.repeat(201)],
  ['a NUL', 'a\0b'],
  ['a line feed', 'a\nb'],
  ['a C1 control character', 'a\u0085b'],
  ['half a character', '\udc00'],
  ['a number', 7],
  ['nothing', null],
])('refuses a stream with %s', (_, stream) => {
  expect(() => prepare([{ type: 'T' }], stream)).toThrow(expect.objectContaining({ code: 'invalid-stream' }))
})

test.each([[[]], [undefined], ['events'], [{ type: 'T' }]])('refuses %j for a list of events', (events) => {
  expect(() => prepare(events)).toThrow(expect.objectContaining({ code: 'invalid-event', field: 'events' }))
})

test('refuses an event over the size limit in bytes, not one below it', () => {
  expect(() => prepare([{ type: 'T' }, { type: 'T', data: 'é'.repeat(5000) }])).toThrow(
    expect.objectContaining({ code: 'event-too-large', index: 1, limit: LIMIT }),
  )
  const [largest] = prepare([{ type: 'T', data: 'é'.repeat(4900) }])
  expect(Buffer.byteLength(encodeLine('s', largest!, 1, TIME))).toBeLessThanOrEqual(LIMIT)
})

test('takes the time of a Date, whatever its class makes of getTime', () => {
  class Odd extends Date {
    override getTime(): never {
      return 'x' as never
    }
  }
  const [prepared] = prepare([{ type: 'T', time: new Odd(TIME) }])
  expect(prepared!.timeMs).toBe(Date.parse(TIME))
  expect(() => prepare([{ type: 'T', time: Object.create(Date.prototype) }])).toThrow(
    expect.objectContaining({ code: 'invalid-event', field: 'time' }),
  )
})

test.each([[[]], [['漢']], [['漢', '字']]])(
  'refuses the largest line with the tags %j by one byte',
  (tags) => {
    const event = { type: '字', id: '漢', schema: Number.MAX_SAFE_INTEGER, tags, data: 1 }
    const prepareUpTo = (limit: number) =>
      prepareEvents('漢', [event], limit, () => 'generated', new JsonWriter(64))
    const bytes = lineBytes('漢', prepareUpTo(LIMIT)[0]!)
    expect(() => prepareUpTo(bytes - 1)).toThrow(expect.objectContaining({ code: 'event-too-large', bytes }))
    expect(prepareUpTo(bytes)).toHaveLength(1)
  },
)

test('never puts data into a message', () => {
  expect(() => prepare([{ type: 'T', data: { secret: 'hunter2', n: Number.NaN } }])).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  )
})

test.each(['__proto__', 'constructor', '../../etc', 'a b', 'é😀', '"quoted"', 'x'.repeat(200)])(
  'takes %j as a stream, a type, a tag, an id and a key, and reads it back',
  (name) => {
    const data = Object.fromEntries([[name, { [name]: name }]])
    const [prepared] = prepare(
      [{ type: name, id: name, tags: [name], data, metadata: { [name]: name } }],
      name,
    )
    const lines = linesOf(encodeLine(name, prepared!, 1, TIME), 'test')
    expect([lines.stream(0), lines.type(0), lines.id(0), lines.tags(0)]).toEqual([name, name, name, [name]])
    expect(JSON.stringify(lines.data(0))).toBe(JSON.stringify(data))
  },
)

test('writes the keys in their fixed order and leaves out what is not given', () => {
  const given = {
    type: 'T',
    schema: 2,
    tags: ['a'],
    data: 1,
    metadata: { actor: 'Ada', none: undefined },
    id: 'i',
  }
  const [full, bare] = prepare([given, { type: 'T', metadata: { none: undefined } }])
  expect(encodeLine('s', full!, 7, TIME)).toBe(
    `{"id":"i","stream":"s","version":7,"type":"T","schema":2,"tags":["a"],"time":"${TIME}","data":1,"metadata":{"actor":"Ada"}}\n`,
  )
  expect(encodeLine('s', bare!, 8, TIME)).toBe(
    `{"id":"generated","stream":"s","version":8,"type":"T","time":"${TIME}","data":{}}\n`,
  )
})

test.each([',"version":1', 'back\\slash', 'é😀', ',"time":"', '\u2028'])(
  'encodes an event as JSON.stringify does where its names and data hold %j',
  (name) => {
    const event = { id: name, type: name, tags: [name], data: { [name]: name }, metadata: { [name]: name } }
    const [prepared] = prepare([event], name)
    const { id, type, tags, data, metadata } = event
    const stored = { id, stream: name, version: 7, type, tags, time: TIME, data, metadata }
    expect(encodeLine(name, prepared!, 7, TIME)).toBe(`${JSON.stringify(stored)}\n`)
  },
)

test('an event that was read can be appended again: the log gives it a place of its own', () => {
  const read = {
    position: 7,
    stream: 'other',
    version: 3,
    type: 'T',
    schema: 2,
    tags: ['a'],
    id: 'i',
    time: TIME,
  }
  const [prepared] = prepare([{ ...read, data: { n: 1 }, metadata: {} }])
  expect(encodeLine('s', prepared!, 1, TIME)).toBe(
    `{"id":"i","stream":"s","version":1,"type":"T","schema":2,"tags":["a"],"time":"${TIME}","data":{"n":1}}\n`,
  )
})

test('writes tags also where arrays have a toJSON in the process', () => {
  onTestFinished(() => void Reflect.deleteProperty(Array.prototype, 'toJSON'))
  Object.defineProperty(Array.prototype, 'toJSON', {
    configurable: true,
    value(this: unknown[]) {
      return [...this]
    },
  })
  const [prepared] = prepare([{ type: 'T', tags: ['one', 'two "é"'], data: [1, [2]] }])
  const lines = linesOf(encodeLine('s', prepared!, 1, TIME), 'test')
  expect(lines.tags(0)).toEqual(['one', 'two "é"'])
  expect(lines.data(0)).toEqual([1, [2]])
})

test.each(['type', 'schema', 'id', 'time', 'tags', 'metadata', 'data'])(
  'reads the field %s once',
  (field) => {
    const values: Record<string, unknown> = { type: 'T', schema: 2, id: 'x', time: TIME, tags: ['t'] }
    let reads = 0
    const event = Object.defineProperty({ type: 'T', ...values }, field, {
      enumerable: true,
      get: () => (++reads === 1 ? values[field] : 5),
    })
    const [{ type, schema, id, tags, timeMs }] = prepare([event]) as [PreparedEvent]
    expect({ type, schema, id, tags, timeMs }).toEqual({
      ...values,
      time: undefined,
      timeMs: Date.parse(TIME),
    })
    expect(reads).toBe(1)
  },
)
