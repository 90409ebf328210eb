import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { Query } from '../../src/event/condition.ts'
import { Lines } from '../../src/event/lines.ts'
import { formatTime } from '../../src/event/time.ts'
import { Column } from '../../src/log/column.ts'
import { IdTable } from '../../src/log/id-table.ts'
import { LogIndex } from '../../src/log/log-index.ts'
import { jumpLength, StreamChains } from '../../src/log/stream-chains.ts'
import { TagIndex } from '../../src/log/tag-index.ts'
import { storedLine } from '../event/encoded-line.ts'
import { matchesQuery } from '../event/plain-query.ts'

interface Entry {
  readonly stream: string
  readonly type: string
  readonly tags: readonly string[]
  readonly timeMs: number
  readonly id: string
}

const names = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'é "\\')
const few = fc.uniqueArray(names, { maxLength: 3 })
const query: fc.Arbitrary<Query> = fc.oneof(item(), fc.array(item(), { maxLength: 3 }))
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      events: fc.array(
        fc.record({
          stream: names,
          type: names,
          tags: few,
          later: fc.integer({ min: 0, max: 2 }),
          id: fc.integer({ min: 0, max: 9 }),
        }),
        { minLength: 1, maxLength: 8 },
      ),
      asLines: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.integer({ min: 0, max: 6 }) }),
  },
)

function item() {
  return fc.record({ types: few, streams: few, tags: few }, { requiredKeys: [] })
}

test('answers as a plain list of events would, also after truncations', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.array(query, { minLength: 3, maxLength: 3 }),
      (steps, queries) => {
        const index = new LogIndex()
        let model: Entry[] = []
        for (const one of steps) {
          if (one.kind === 'truncate') {
            model = model.slice(0, Math.max(0, model.length - one.back))
            index.truncate(model.length)
          } else {
            const start = model.length
            for (const { stream, type, tags, later, id } of one.events) {
              const timeMs = (model.at(-1)?.timeMs ?? 1_000_000) + later
              model.push({ stream, type, tags, timeMs, id: `id-${id}` })
            }
            if (one.asLines) expect(index.addLines(linesOf(model, start))).toBeUndefined()
            else
              model.slice(start).forEach(({ stream, type, tags, timeMs, id }, at) => {
                expect(index.add(stream, type, tags, timeMs, index.idHash(id))).toBe(
                  versionAt(model, stream, start + at + 1),
                )
              })
          }
          compare(index, model, queries)
        }
      },
    ),
    { numRuns: 150 },
  )
})

// From one state of the hash with this key after the other, two texts that lead to the same next one.
const KEY = 0x1234567
const ALIKE =
  'vx90yg62 k821ag5l, vosh6n7q o5tggtl9, r8z4j4a6 b0goqvrr, npez07rr ljfu21ht, slgiwr1d jhb6bmye, 8az541c3 457mgyro, qk4ku6c0 6vnwaw9a, 2zagsdpm 2m3vr4rl, ucjcbb6i kk6fb74e, 6m4037t1 awmnx2xl, wlyzci4a swz2f4v0'

test('ids that were chosen to have one hash are looked for one by one', () => {
  const pairs = ALIKE.split(', ').map((pair) => pair.split(' '))
  const ids = Array.from({ length: 2 ** pairs.length }, (_, number) =>
    pairs.map((pair, at) => pair[(number >> at) & 1]).join(''),
  )
  const known = new LogIndex(KEY)
  expect(new Set(ids.map((id) => known.idHash(id))).size).toBe(1)
  const index = new LogIndex()
  for (const [at, id] of ids.entries()) {
    expect(index.findId(id).length).toBeLessThan(10)
    index.add('s', 'T', [], at, index.idHash(id))
    expect(index.findId(id)).toContain(at + 1)
  }
})

test('ids that are numbered have hashes of their own, whatever the key', () => {
  const ids = Array.from(
    { length: 5000 },
    (_, at) => `00000000-0000-7000-8000-${String(at).padStart(12, '0')}`,
  )
  for (const key of [0, 1, -1, 2, 0x100, 0x9d9cfa04, 0xc4e21c00, 0x66c8de01, 0x4cd0f700, 0x80000000]) {
    const index = new LogIndex(key | 0)
    expect(new Set(ids.map((id) => index.idHash(id))).size).toBeGreaterThan(ids.length - 5)
  }
})

function compare(index: LogIndex, model: readonly Entry[], queries: readonly Query[]): void {
  expect(index.count).toBe(model.length)
  expect([...index.streams.all()]).toEqual([...new Set(model.map(({ stream }) => stream))])
  expect([...index.types.all()]).toEqual([...new Set(model.map(({ type }) => type))])
  for (const stream of ['a', 'b', '__proto__', 'constructor', 'toString']) {
    expect(index.version(stream)).toBe(versionAt(model, stream, model.length))
    const number = index.streams.find(stream)
    if (number === undefined) continue
    const positions = model.flatMap((entry, at) => (entry.stream === stream ? [at + 1] : []))
    for (const position of [0, 1, model.length >> 1, model.length]) {
      const version = versionAt(model, stream, position)
      expect(index.chains.headAt(number, position)).toEqual({
        version,
        position: positions[version - 1] ?? 0,
      })
    }
    expect(index.chains.positions(number, 1, positions.length)).toEqual(positions)
    expect(index.chains.positions(number, 2, 4)).toEqual(positions.slice(1, 4))
  }
  for (const given of queries) {
    for (const after of [0, model.length >> 1, model.length]) {
      const isMatched = model.some((entry, at) => at >= after && matchesQuery(given, entry))
      const match = index.findMatch(given, after)
      expect(match !== undefined).toBe(isMatched)
      if (match !== undefined) expect(match > after && matchesQuery(given, model[match - 1]!)).toBe(true)
    }
  }
  for (const id of ['id-0', 'id-5', 'id-10']) {
    const stored = model.flatMap((entry, at) => (entry.id === id ? [at + 1] : []))
    expect(new Set(index.findId(id))).toEqual(new Set(stored))
  }
  for (const [at, entry] of model.entries()) {
    expect(index.time(at + 1)).toBe(entry.timeMs)
    expect(['a', 'b', 'none'].map((tag) => index.tags.has(at + 1, tag))).toEqual(
      ['a', 'b', 'none'].map((tag) => entry.tags.includes(tag)),
    )
    expect(index.positionAt(entry.timeMs)).toBe(
      model.findLastIndex(({ timeMs }) => timeMs <= entry.timeMs) + 1,
    )
  }
  expect(index.positionAt(0)).toBe(0)
}

function versionAt(model: readonly Entry[], stream: string, position: number): number {
  return model.slice(0, position).filter((entry) => entry.stream === stream).length
}

function linesOf(model: readonly Entry[], start: number): Lines {
  const text = model.slice(start).map(({ stream, type, tags, timeMs, id }, at) => {
    const version = versionAt(model, stream, start + at + 1)
    return storedLine(stream, { type, tags, id }, version, formatTime(timeMs))
  })
  return Lines.fromBytes(Buffer.from(text.join('')), 'test')
}

test.each(['new', 'once'])(
  'takes an event of a type that is %s back without a look at all others',
  (type) => {
    const index = new LogIndex()
    const add = (name: string) => index.add('s', name, [], 0, 0)
    add('once')
    for (let n = 0; n < 10_000; n++) add('often')
    const looks = vi.spyOn(index, 'typeNumber')
    for (let n = 0; n < 10; n++) {
      add(type)
      index.truncate(10_001)
    }
    expect(looks.mock.calls.length).toBeLessThan(10)
    expect(index.findMatch({ types: [type] }, 10_000)).toBeUndefined()
    expect(looks.mock.calls.length).toBeLessThan(20)
    expect(index.findMatch({ types: ['once'] }, 0)).toBe(1)
    expect(index.findMatch({ types: ['new'] }, 0)).toBeUndefined()
  },
)

test('says which line does not follow, and adds those before it', () => {
  const index = new LogIndex()
  const entry = (id: string, timeMs: number): Entry => ({ stream: 's', type: 't', tags: [], timeMs, id })
  index.addLines(linesOf([entry('1', 5000)], 0))
  const again = linesOf([entry('2', 6000)], 0)
  expect(index.addLines(again)).toEqual({
    line: 0,
    problem: 'stream "s" has version 1',
    expected: 'version 2',
  })
  const backwards = linesOf([entry('1', 0), entry('2', 6000), entry('3', 5999)], 1)
  expect(index.addLines(backwards)).toMatchObject({
    line: 1,
    problem: 'has the time 1970-01-01T00:00:05.999Z',
  })
  expect(index.count).toBe(2)
})

test('finds any version of a stream in a logarithmic number of steps', () => {
  const chains = new StreamChains()
  chains.addStream()
  const length = 100_000
  for (let version = 1; version <= length; version++) chains.add(0)
  let steps = 0
  for (const column of chains.columns) {
    const get = column.get.bind(column)
    column.get = (at) => {
      steps++
      return get(at)
    }
  }
  for (let position = 1; position <= length; position += 997) {
    steps = 0
    expect(chains.headAt(0, position)).toEqual({ version: position, position })
    // Two columns may be asked in each step, and 100,000 has 17 binary digits.
    expect(steps).toBeLessThan(5 * 17)
    steps = 0
    expect(chains.positions(0, position, position)).toEqual([position])
    expect(steps).toBeLessThan(5 * 17)
  }
})

test('jump pointers lead back by the last digit in skew binary', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16].map(jumpLength)).toEqual([1, 1, 3, 1, 1, 3, 7, 1, 7, 15, 1])
  expect([2 ** 20 - 1, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2].map(jumpLength)).toEqual([
    2 ** 20 - 1,
    1,
    2 ** 31 - 1,
    1,
    2 ** 31 - 1,
  ])
})

test('a column keeps its numbers over chunks, truncations and adoption', () => {
  const column = Column.uint32()
  for (let at = 0; at < 200_000; at++) column.push(at * 3)
  column.truncate(150_000)
  column.push(7)
  column.set(65_536, 9)
  expect([
    column.length,
    column.get(0),
    column.get(65_536),
    column.get(149_999),
    column.get(150_000),
  ]).toEqual([150_001, 0, 9, 449_997, 7])
  const copy = Column.uint32()
  const chunks = column.pieces().map((piece) => Buffer.from(piece()))
  copy.adopt(column.length, { read: (chunk, into) => into.set(chunks[chunk]!) }, new Map())
  copy.push(11)
  expect(copy.length).toBe(150_002)
  expect([copy.get(65_536), copy.get(150_000), copy.get(150_001)]).toEqual([9, 7, 11])
})

test('a column takes a chunk from where it is stored once somebody looks into it, and never again', () => {
  const original = Column.float64()
  for (let at = 0; at < 200_000; at++) original.push(at / 2)
  const chunks = original.pieces().map((piece) => Buffer.from(piece()))
  expect(chunks).toHaveLength(4)
  const reads: number[] = []
  const last = Buffer.concat([chunks[3]!, Buffer.alloc(original.chunkBytes - chunks[3]!.length)])
  const column = Column.float64()
  const read = (chunk: number, into: Uint8Array) => {
    reads.push(chunk)
    into.set(chunks[chunk]!)
  }
  column.adopt(200_000, { read }, new Map([[3, last]]))
  column.push(1)
  column.set(199_999, 2)
  expect([column.get(200_000), column.get(199_999), column.bytes]).toEqual([1, 2, column.chunkBytes])
  expect(reads).toEqual([])
  column.set(70_000, 3)
  expect([column.get(70_000), column.get(69_999), column.get(131_071)]).toEqual([3, 34_999.5, 65_535.5])
  expect(reads).toEqual([1])
  // For a snapshot they pass through, and do not stay.
  const numbers = Buffer.concat(column.pieces().map((piece) => Buffer.from(piece())))
  expect(reads).toEqual([1, 0, 2])
  expect(column.bytes).toBe(2 * column.chunkBytes)
  const all = new Float64Array(numbers.buffer, numbers.byteOffset, 200_001)
  expect([all[0], all[65_535], all[70_000], all[140_000], all[199_999], all[200_000]]).toEqual([
    0, 32_767.5, 3, 70_000, 2, 1,
  ])
  // What was cut off does not come back from where it is stored.
  column.truncate(65_536)
  for (let at = 65_536; at < 140_000; at++) column.push(5)
  expect([column.get(65_535), column.get(65_536), column.get(139_999)]).toEqual([32_767.5, 5, 5])
  expect(reads).toEqual([1, 0, 2, 0])
})

test('a table of ids neither grows without end nor loops when appends are refused again and again', () => {
  const hashes = Column.uint32()
  const ids = new IdTable(hashes)
  hashes.push(0xffff)
  for (let round = 0; round < 100_000; round++) {
    hashes.push(round)
    expect([...ids.find(round)]).toContain(2)
    hashes.truncate(1)
    ids.truncate(1)
  }
  expect(ids.bytes).toBeLessThan(64 * 1024)
  expect([...ids.find(1)]).toEqual([])
  expect([...ids.find(99_999)]).toEqual([])
  expect([...ids.find(0xffff)]).toEqual([1])
})

test('tags are found by position and by name after a truncation', () => {
  const tags = new TagIndex()
  for (let position = 1; position <= 6; position++) tags.add(position % 2 === 0 ? 'even' : 'odd', position)
  tags.truncate(4)
  tags.add('odd', 5)
  expect([...tags.after('odd', 1)]).toEqual([5, 3])
  expect([...tags.after('even', 0)]).toEqual([4, 2])
  expect([...tags.after('none', 0)]).toEqual([])
  expect(tags.has(6, 'even')).toBe(false)
})

test.each([
  ['stream', (index: LogIndex, name: string) => index.add(name, 'T', [], 0, 0)],
  ['type', (index: LogIndex, name: string) => index.add('s', name, [], 0, 0)],
  ['tag', (index: LogIndex, name: string) => index.add('s', 'T', [name], 0, 0)],
])('the name of a %s that was cut out of a large text does not keep that in memory', (_, add) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const index = new LogIndex()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let number = 1000; number < 1030; number++) {
    const text = `${number} is the number of it `.repeat(50_000)
    add(index, text.slice(0, 24))
  }
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000)
  expect(index.count).toBe(30)
})

test('forgets the tags of events that are forgotten, and gives their numbers out again', () => {
  const index = new LogIndex()
  index.add('s', 'T', ['kept'], 1, 1)
  for (let number = 0; number < 50; number++) {
    index.add('s', 'T', ['kept', `tag-${number}`, `other-${number}`], 2, 2)
    index.truncate(1)
  }
  expect(index.tags.names.all()).toEqual(['kept'])
  index.add('s', 'T', ['new'], 2, 2)
  expect(index.findMatch({ tags: ['new'] }, 0)).toBe(2)
  expect(index.findMatch({ tags: ['tag-7'] }, 0)).toBeUndefined()
  expect(index.findMatch({ tags: ['kept'] }, 0)).toBe(1)
})
