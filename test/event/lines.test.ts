import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashId } from '../../src/event/id-hash.ts'
import { Lines } from '../../src/event/lines.ts'
import { StoredEvent } from '../../src/event/stored-event.ts'
import { formatTime } from '../../src/event/time.ts'
import { storedLine } from './encoded-line.ts'
import { linesOf } from './text-lines.ts'

/** Of the hashes of ids. */
const KEY = 0x1234567

const HOSTILE = [
  '"',
  '\\',
  '\\"',
  ',"metadata":',
  '","data":',
  '}{"id":"',
  '} {"id":"',
  '\u2028',
  '\u0000',
  '\n',
  '😀',
  'é',
  '__proto__',
  '","time":"',
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string()), { maxLength: 4 })
  .map((parts) => parts.join('').toWellFormed())
const name = text.map(
  (one) =>
    one
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
      .slice(0, 60)
      .toWellFormed() || 'x',
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    text,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.oneof(text, fc.constantFrom('metadata', 'data', 'id')), tie('value'), {
    maxKeys: 3,
  }),
}))
const event = fc.record(
  {
    type: name,
    data: value,
    metadata: fc.dictionary(fc.oneof(text, fc.constant('metadata')), value, { maxKeys: 2 }),
    tags: fc.array(name, { maxLength: 3 }),
    schema: fc.integer({ min: 1, max: 300 }),
    id: name,
  },
  { requiredKeys: ['type'] },
)

declare global {
  interface String {
    toWellFormed(): string
  }
}

test('gives back every field of what was encoded, whatever its text', () => {
  const stored = fc.record({
    stream: name,
    event,
    version: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    ms: fc.integer({ min: 0, max: 4e12 }),
  })
  fc.assert(
    fc.property(fc.array(stored, { maxLength: 4 }), (events) => {
      const encoded = events.map((one) => {
        return storedLine(one.stream, one.event, one.version, formatTime(one.ms))
      })
      const lines = Lines.fromBytes(Buffer.from(encoded.join('')), 'test')
      expect(lines.count).toBe(events.length)
      for (const [at, { stream, event, version, ms }] of events.entries()) {
        const { id = 'generated', type, schema = 1, tags = [], data = {}, metadata = {} } = event
        expect([lines.id(at), lines.stream(at)]).toEqual([id, stream])
        expect([lines.version(at), lines.type(at)]).toEqual([version, type])
        expect([lines.schema(at), lines.hasTags(at), lines.tags(at)]).toEqual([schema, tags.length > 0, tags])
        expect([lines.time(at), lines.timeMs(at)]).toEqual([formatTime(ms), ms])
        // As text: toEqual does not see a key __proto__.
        expect(JSON.stringify(lines.data(at))).toBe(JSON.stringify(data))
        expect(JSON.stringify(lines.metadata(at))).toBe(JSON.stringify(metadata))
        expect(lines.idHash(at, KEY)).toBe(hashId(id, KEY))
        expect(lines.slice(at, at + 1)).toBe(encoded[at])
        expect(lines.part(at, at + 1).text).toBe(encoded[at])
      }
    }),
    { numRuns: 500 },
  )
})

const time = '2026-11-23T05:21:48.123Z'
const line = `{"id":"i","stream":"s","version":1,"type":"T","time":"${time}","data":{}}\n`

test.each([
  ['keys in another order', `{"data":{},"type":"T","time":"${time}","version":1,"stream":"s","id":"i"}\n`],
  ['white space', `{ "id": "i", "stream": "s", "version": 1, "type": "T", "time": "${time}", "data": {} }\n`],
  ['another time zone', line.replace(time, '2026-11-23T06:21:48.123+01:00')],
  [
    'what may be left out',
    line.replace('"time"', '"schema":1,"tags":[],"time"').replace('{}}', '{},"metadata":{}}'),
  ],
  ['no data', line.replace(',"data":{}', '')],
])('brings a line with %s into the canonical form', (_, written) => {
  expect(linesOf(line + written, 'test').text).toBe(line + line)
})

test('hashes an id alike however another writer has escaped it', () => {
  const escaped = linesOf(line.replace('"i"', '"caf\\u00e9\\/"'), 'test')
  expect(escaped.id(0)).toBe('café/')
  expect(escaped.idHash(0, KEY)).toBe(hashId('café/', KEY))
})

test.each<[string, string | Buffer, number]>([
  ['two events on a line', line + line.trimEnd() + line, 2],
  ['a line that ends with CR LF', line + line.replace('\n', '\r\n'), 2],
  ['a byte order mark', `\ufeff${line}`, 1],
  ['a blank line', `${line}\n${line}`, 2],
  ['a line of blanks', `${line}${line}  \n`, 3],
  ['no line feed at its end', line + line.trimEnd(), 2],
  [
    'bytes that are not UTF-8',
    Buffer.concat([Buffer.from(line), Buffer.from(line.replace('T', 'é'), 'latin1')]),
    2,
  ],
  ['half an event', `${line}{"id":"i","stream":"s"\n`, 2],
  ['an event without a type', line + line.replace('"type":"T",', ''), 2],
  ['an unknown field', `${line}${line.replace('{"id"', '{"more":1,"id"')}`, 2],
  ['a version that is no number', line + line.replace('1', '"1"'), 2],
  ['version 0', line + line.replace('1', '0'), 2],
  ['a time that is none', line + line.replace(time, '2026-02-31T05:21:48Z'), 2],
  ['a time outside of the stored form', line + line.replace(time, '9999-12-31T23:59:59-01:00'), 2],
  ['a list', `${line}[]\n`, 2],
])('refuses %s, with file and line', (_, content, at) => {
  expect(() => Lines.fromBytes(Buffer.from(content), 'events/x.jsonl')).toThrow(
    expect.objectContaining({
      code: 'invalid-batch',
      path: 'events/x.jsonl',
      line: at,
      message: expect.stringContaining(`events/x.jsonl:${at}: `),
    }),
  )
})

test('says which line is broken when what is behind its fields is no JSON', () => {
  const lines = linesOf(line + line.replace('{}}', '{}} {}}'), 'events/x.jsonl')
  for (const read of [() => lines.data(1), () => lines.part(1, 2).data(0)]) {
    expect(read).toThrow(expect.objectContaining({ code: 'invalid-batch', path: 'events/x.jsonl' }))
  }
})

test('says which line is broken when one of its names is no JSON, also in a part of the lines', () => {
  for (const [field, broken] of [
    ['id', line.replace('"i"', '"\\q"')],
    ['stream', line.replace('"s"', '"\\q"')],
    ['type', line.replace('"T"', '"\\q"')],
    ['tags', line.replace('"T"', '"T","tags":["\\q"]')],
    ['data', line.replace('{}', '{')],
  ] as const) {
    const lines = linesOf(line + line + broken, 'events/x.jsonl')
    const error = expect.objectContaining({ code: 'invalid-batch', line: 3 })
    expect(() => lines[field](2)).toThrow(error)
    expect(() => lines.part(1, 3)[field](1)).toThrow(error)
  }
})

test('finds every line, however short and however many', () => {
  const shortest = line.replace('{}}', '0}')
  const lines = linesOf(shortest.repeat(1000), 'test')
  expect([lines.count, lines.slice(999, 1000)]).toEqual([1000, shortest])
})

test('sees a second event on a line wherever on it that begins', () => {
  for (let length = 0; length < 8; length++) {
    const first = line.replace('{}}\n', `"${'x'.repeat(length)}"}`)
    expect(() => linesOf(line + first + line, 'test')).toThrow(
      expect.objectContaining({ code: 'invalid-batch', line: 2 }),
    )
  }
})

test('a stored event parses when it is touched, once, and shows itself as a plain object', () => {
  const lines = linesOf(line.replace('{}}', '{"a":[1]},"metadata":{"actor":"Ada"}}'), 'test')
  let parsed = 0
  const data = lines.data.bind(lines)
  lines.data = (at) => {
    parsed++
    return data(at)
  }
  const stored = new StoredEvent(5, lines, 0)
  expect([stored.type, stored.version, parsed]).toEqual(['T', 1, 0])
  expect(stored.data).toBe(stored.data)
  expect(parsed).toBe(1)
  const plain = {
    position: 5,
    stream: 's',
    version: 1,
    type: 'T',
    schema: 1,
    tags: [],
    id: 'i',
    time,
    data: { a: [1] },
    metadata: { actor: 'Ada' },
  }
  expect(stored.toJSON()).toEqual(plain)
  expect(JSON.parse(JSON.stringify(stored))).toEqual(plain)
  expect(inspect(stored)).toBe(inspect(plain))
})

test.each([
  '{},"tags":["x"],"schema":2,"metadata":{"a":1}}',
  '{},"metadata":{"a":1},"tags":["x"],"schema":2}',
  '{}, "schema": 2, "tags": ["x"], "metadata": {"a":1}}',
  '{},"schema":2,"tags":["x"], "metadata":{"a":1}}',
  '{},"schema":2,"metadata":{"a":1},"tags":["x"]}',
])('fields that stand behind the data count, as in %s', (rest) => {
  const head = '{"id":"i","stream":"s","version":1,"type":"T","time":"2026-11-23T05:21:48.123Z","data":'
  const lines = linesOf(`${head}${rest}\n`, 'p')
  const found = [lines.data(0), lines.metadata(0), lines.tags(0), lines.schema(0)]
  expect(found).toEqual([{}, { a: 1 }, ['x'], 2])
})

test('metadata behind white space counts', () => {
  const head = '{"id":"i","stream":"s","version":1,"type":"T","time":"2026-11-23T05:21:48.123Z","data":'
  for (const gap of [', "metadata":', ',"metadata": ', ', "metadata": ']) {
    const lines = linesOf(`${head}{"b":{}}${gap}{"a":{}}}\n`, 'p')
    expect([lines.data(0), lines.metadata(0)]).toEqual([{ b: {} }, { a: {} }])
  }
})
