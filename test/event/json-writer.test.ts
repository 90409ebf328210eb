import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeJsonValue } from '../../src/event/json-value.ts'
import { JsonWriter, WriterFullError } from '../../src/event/json-writer.ts'

const HOSTILE = [
  '"',
  '\\',
  '\n',
  '\u0000',
  '\u001f',
  '\u007f',
  '\u0080',
  '\u2028',
  'é',
  '😀',
  '\ud800',
  '\udc00',
  '__proto__',
]
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string())).map((parts) => parts.join('')),
  fc.string({ minLength: 60, maxLength: 70 }),
)
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, 5e-324, Number.NaN),
)
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    number,
    fc.boolean(),
    fc.constantFrom(null, undefined, new Date(0), new Map(), 1n, { toJSON: () => 7 }, Object.create(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
})).value

function isStorable(data: unknown): boolean {
  try {
    writeJsonValue(new JsonWriter(64), data)
    return true
  } catch {
    return false
  }
}

test('writes no value but those that JSON keeps, and those as JSON.stringify does', () => {
  let written = 0
  fc.assert(
    fc.property(value, (data) => {
      const writer = new JsonWriter(1)
      writer.ascii('before')
      const isWritten = writer.value(data)
      if (isWritten) expect(isStorable(data)).toBe(true)
      expect(writer.take().toString()).toBe(isWritten ? `before${JSON.stringify(data)}` : 'before')
      if (isWritten) written++
    }),
    { numRuns: 2000 },
  )
  expect(written).toBeGreaterThan(500)
})

test('writes all that is plain', () => {
  fc.assert(
    fc.property(fc.jsonValue().filter(isStorable), (data) => {
      const writer = new JsonWriter(16)
      expect(writer.value(data)).toBe(true)
      expect(writer.take().toString()).toBe(JSON.stringify(data))
    }),
  )
})

test.each<[string, unknown]>([
  ['a toJSON of its own', { a: 1, toJSON: () => 2 }],
  [
    'a class',
    new (class Point {
      x = 1
    })(),
  ],
  ['an array of another prototype', Object.setPrototypeOf([1], Object.prototype)],
  ['an object that says it is an array', Object.create(Array.prototype)],
  ['a hole', new Array(3)],
  ['a function', { run: () => 1 }],
  ['half a pair', { a: '\ud800' }],
  ['half a pair as a key', { '\udc00': 1 }],
])('leaves a value with %s to others, and forgets what it wrote of it', (_, data) => {
  const writer = new JsonWriter(64)
  expect(writer.value([1, data])).toBe(false)
  expect(writer.used).toBe(0)
})

test('nests as deep as the check lets it, and no deeper', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
  for (const levels of [99, 100, 101]) {
    expect(new JsonWriter(64).value(nested(levels))).toBe(isStorable(nested(levels)))
  }
})

test('a property that objects inherit is none of theirs', () => {
  const inherited = Object.prototype as Record<string, unknown>
  inherited.everywhere = 1
  try {
    const writer = new JsonWriter(64)
    writer.value({ own: 1 })
    expect(writer.take().toString()).toBe('{"own":1}')
  } finally {
    delete inherited.everywhere
  }
})

test.each([0, 7, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER])(
  'writes the whole number %d',
  (n) => {
    const writer = new JsonWriter(1)
    writer.integer(n)
    expect(writer.take().toString()).toBe(String(n))
  },
)

test('lines of any size and alphabet become their bytes, and what was taken stays as it is', () => {
  const lines = new JsonWriter(8)
  const taken: Buffer[] = []
  const texts = ['a', 'é😀'.repeat(300_000), 'x', 'y'.repeat(5_000_000), 'z']
  for (const one of texts) {
    lines.ascii('first\n')
    lines.string(one)
    taken.push(lines.take())
  }
  expect(taken.map((bytes) => bytes.toString())).toEqual(texts.map((one) => `first\n"${one}"`))
})

test('takes back what was written last, and nothing else', () => {
  const writer = new JsonWriter(64)
  writer.ascii('kept')
  const { bytes } = writer
  writer.ascii('first')
  writer.ascii('second')
  writer.takeBack(bytes, 4, 9)
  expect(writer.used).toBe(15)
  writer.takeBack(bytes, 9, 15)
  writer.takeBack(bytes, 4, 9)
  expect(writer.take().toString()).toBe('kept')
})

test('what stands in memory that it moved on from stays as it is', () => {
  const writer = new JsonWriter(8)
  writer.ascii('first')
  const { bytes } = writer
  writer.moveOn()
  writer.ascii('later')
  expect(writer.bytes).not.toBe(bytes)
  expect(bytes.toString('latin1', 0, 5)).toBe('first')
})

test('takes no memory for more than it may hold, and writes on', () => {
  const writer = new JsonWriter(64)
  writer.most = 1000
  writer.ascii('kept')
  for (const large of [
    Array.from({ length: 100 }, () => 'a'.repeat(50)),
    'b'.repeat(2000),
    'é'.repeat(600),
  ]) {
    writer.used = 4
    expect(() => writer.value(large)).toThrow(WriterFullError)
  }
  expect(writer.bytes.length).toBeLessThanOrEqual(1024)
  writer.used = 4
  writer.string('c'.repeat(900))
  expect(writer.take().toString()).toBe(`kept"${'c'.repeat(900)}"`)
})

test('ends with an array whose getter makes it longer each time', () => {
  const list: unknown[] = [1]
  Object.defineProperty(list, 0, { get: () => list.length < 1000 && list.push(1) })
  const writer = new JsonWriter(64)
  writer.value(list)
  expect(writer.take().toString()).toBe('[2]')
})
