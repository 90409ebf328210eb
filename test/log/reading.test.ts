import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/event/event.ts'
import type { ReadOptions } from '../../src/log/reading.ts'
import {
  appendEach,
  batchFile,
  commitForeign,
  event,
  git,
  gitText,
  line,
  numbers,
  openLog,
  readAll,
  SEAL_BY_HAND,
  temporaryFolder,
  until,
} from './event-log-fixture.ts'

const STREAMS = ['a-1', 'a-2', 'b-1']
const TYPES = ['Opened', 'Changed']

async function filledLog() {
  const opened = await openLog(temporaryFolder())
  for (let number = 1; number <= 60; number++) {
    const stream = STREAMS[(number * 7) % 3]!
    const tags = number % 4 === 0 ? ['x', 'y'] : number % 3 === 0 ? ['x'] : []
    const one = event(number, {
      type: TYPES[number % 2]!,
      tags,
      ...(number % 5 === 0 && { metadata: { actor: 'Ada' } }),
    })
    await opened.log.append([{ stream, events: [one] }], undefined, 'journaled')
    if (number % 13 === 0 && number < 50) await opened.log.seal()
  }
  return opened
}

function naive(events: readonly RecordedEvent[], options: ReadOptions): RecordedEvent[] {
  const { stream, types, streams, prefix, tags, limit = Number.POSITIVE_INFINITY } = options
  const isBackwards = options.direction === 'backwards'
  const from = options.from ?? (isBackwards ? Number.POSITIVE_INFINITY : 0)
  const to = options.to ?? (isBackwards ? 0 : Number.POSITIVE_INFINITY)
  const found = events.filter((one) => {
    const place = stream === undefined ? one.position : one.version
    return (
      (stream === undefined || one.stream === stream) &&
      place >= Math.min(isBackwards ? to : from) &&
      place <= (isBackwards ? from : to) &&
      (types?.includes(one.type) ?? true) &&
      (streams?.includes(one.stream) ?? true) &&
      one.stream.startsWith(prefix ?? '') &&
      (tags?.every((tag) => one.tags.includes(tag)) ?? true)
    )
  })
  return (isBackwards ? found.reverse() : found).slice(0, limit)
}

const options = fc.record(
  {
    stream: fc.constantFrom(...STREAMS, 'missing'),
    from: fc.integer({ min: 0, max: 70 }),
    to: fc.integer({ min: 0, max: 70 }),
    limit: fc.integer({ min: 0, max: 9 }),
    direction: fc.constantFrom('forwards' as const, 'backwards' as const),
    types: fc.subarray([...TYPES, 'Other']),
    streams: fc.subarray([...STREAMS, 'other']),
    prefix: fc.constantFrom('', 'a-', 'b', 'z'),
    tags: fc.subarray(['x', 'y']),
  },
  { requiredKeys: [] },
)

test('reads what a filter over the whole log would', async () => {
  const opened = await filledLog()
  const all = await readAll(opened)
  expect(all.map(({ position }) => position)).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
  await fc.assert(
    fc.asyncProperty(options, async (given) => {
      expect(await readAll(opened, given)).toEqual(naive(all, given))
    }),
    { numRuns: 300 },
  )
})

test('gives an event by its position, and an error for one that is not there', async () => {
  const opened = await filledLog()
  const all = await readAll(opened)
  for (const position of [1, 13, 14, 40, 60])
    expect(await opened.log.event(position)).toEqual(all[position - 1])
  for (const position of [0, 61, 1.5, Number.NaN, -1]) {
    await expect(opened.log.event(position)).rejects.toMatchObject({ code: 'event-not-found', last: 60 })
  }
})

test('lists the streams in the order of their first events, with version and last change', async () => {
  const opened = await filledLog()
  const all = await readAll(opened)
  expect(opened.log.streams()).toEqual(
    [...new Set(all.map(({ stream }) => stream))].map((stream) => {
      const { version, position, time } = all.findLast((one) => one.stream === stream)!
      return { stream, version, position, time }
    }),
  )
  expect(opened.log.streams({ prefix: 'b' }).map(({ stream }) => stream)).toEqual(['b-1'])
})

test('a missing stream is empty, or an error for who asks for one', async () => {
  const opened = await filledLog()
  expect(await readAll(opened, { stream: '__proto__' })).toEqual([])
  await expect(readAll(opened, { stream: '__proto__', ifMissing: 'error' })).rejects.toMatchObject({
    code: 'stream-not-found',
    stream: '__proto__',
  })
  expect(await readAll(opened, { stream: 'a-1', from: 1000, ifMissing: 'error' })).toEqual([])
})

test.each([
  [{ from: -1 }],
  [{ limit: 1.5 }],
  [{ to: Number.NaN }],
  [{ direction: 'up' as 'forwards' }],
  [{ follow: true, direction: 'backwards' as const }],
  [{ stream: 5 as unknown as string }],
  [{ prefix: ['a'] as unknown as string }],
  [{ types: 'T' as unknown as string[] }],
  [{ tags: [7] as unknown as string[] }],
  [{ stream: 'a', ifMissing: 'throw' as 'error' }],
])('refuses to read with %o', async (given) => {
  const opened = await openLog(temporaryFolder())
  await expect(readAll(opened, given)).rejects.toMatchObject({ code: 'usage' })
})

test('stops with the reason of its signal, also between events that do not fit', async () => {
  const opened = await filledLog()
  const controller = new AbortController()
  const reading = opened.log.read({ signal: controller.signal })
  await reading.next()
  controller.abort(new Error('enough'))
  await expect(reading.next()).rejects.toThrow('enough')
  await expect(readAll(opened, { types: ['Other'], signal: controller.signal })).rejects.toThrow('enough')
})

test('follows: gives what comes, of one stream or filtered, until the signal ends it', async () => {
  const opened = await openLog(temporaryFolder(), { seal: { ...SEAL_BY_HAND, afterMs: 5 } })
  await appendEach(opened, 'a', 2)
  const controller = new AbortController()
  const { signal } = controller
  const found: Record<string, unknown[]> = { log: [], stream: [], late: [] }
  const collect = async (name: string, given: ReadOptions) => {
    for await (const { data } of opened.log.read({ ...given, follow: true, signal })) {
      found[name]!.push((data as { number: number }).number)
    }
  }
  const readers = [
    collect('log', {}),
    collect('stream', { stream: 'b' }),
    collect('late', { from: 5, limit: 2 }),
  ]
  for (let number = 3; number <= 8; number++)
    await appendEach(opened, number % 2 === 0 ? 'b' : 'a', 1, number)
  await until(() => found.log!.length === 8 && found.stream!.length === 3)
  expect(found).toEqual({ log: [1, 2, 3, 4, 5, 6, 7, 8], stream: [4, 6, 8], late: [5, 6] })
  await readers[2]
  controller.abort(new Error('enough'))
  await expect(readers[0]).rejects.toThrow('enough')
  await expect(readers[1]).rejects.toThrow('enough')
})

test('a follower that comes for more after the log was closed is told so', async () => {
  const opened = await filledLog()
  const reading = opened.log.read({ from: 60, follow: true })
  expect((await reading.next()).value).toMatchObject({ position: 60 })
  await opened.close()
  await expect(reading.next()).rejects.toMatchObject({ code: 'log-closed' })
})

test('a follower that waits for more is told at once when history is rewritten', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 3)
  await opened.log.seal()
  const { signal } = new AbortController()
  const reading = opened.log.read({ from: 3, follow: true, signal })
  await reading.next()
  const more = reading.next()
  git(folder, ['update-ref', 'HEAD', gitText(folder, 'rev-parse', 'HEAD^')])
  await Promise.all([
    expect(more).rejects.toMatchObject({ code: 'log-rewritten' }),
    opened.log.follower.look(),
  ])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a follower that waits for more is told at once of another history that holds the same events', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 3)
  await opened.log.seal()
  const reading = opened.log.read({ from: 3, follow: true })
  await reading.next()
  const more = reading.next()
  commitForeign(folder, {}, { amend: true })
  await Promise.all([
    expect(more).rejects.toMatchObject({ code: 'log-rewritten' }),
    opened.log.follower.look(),
  ])
  expect(opened.notices).toMatchObject([{ kind: 'rewritten', commonPosition: 3, positionAfter: 3 }])
})

test('a reader that comes for more is told so where history was set back to its beginning', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  const start = gitText(folder, 'rev-parse', 'HEAD')
  const append = (type: string) =>
    opened.log.append([{ stream: 's', events: [event(1, { type })] }], undefined, 'journaled')
  await append('Rare')
  await appendEach(opened, 's', 40)
  await append('Rare')
  await opened.log.seal()
  // The second one is so far from the first that it is looked for when it is asked for.
  const reading = opened.log.read({ types: ['Rare'], limit: 2 })
  await reading.next()
  git(folder, ['update-ref', 'HEAD', start])
  await opened.log.follower.look()
  await expect(reading.next()).rejects.toMatchObject({ code: 'log-rewritten' })
})

test('follows up to where it was told to', async () => {
  const opened = await openLog(temporaryFolder())
  await appendEach(opened, 'a', 2)
  const reading = numbers(opened, { to: 4, follow: true })
  await appendEach(opened, 'a', 3, 3)
  expect(await reading).toEqual([1, 2, 3, 4])
})

test('reads on in order while events are appended, sealed and folded', async () => {
  const opened = await openLog(temporaryFolder())
  await appendEach(opened, 's', 40)
  const reading = opened.log.read()
  const found: number[] = []
  for (let number = 41; number <= 60; number++) {
    const next = await reading.next()
    if (next.done !== true) found.push(next.value.position)
    await appendEach(opened, 's', 1, number)
    if (number % 4 === 0) await opened.log.seal()
    if (number % 9 === 0) await opened.log.fold()
  }
  for await (const { position } of reading) found.push(position)
  expect(found).toEqual(Array.from({ length: 40 }, (_, at) => at + 1))
})

test('reads backwards what a seal divides between two batches meanwhile', async () => {
  const opened = await openLog(temporaryFolder())
  const large = (number: number) => event(number, { data: { number, text: 'x'.repeat(300_000) } })
  const append = (number: number) =>
    opened.log.append([{ stream: 's', events: [large(number)] }], undefined, 'journaled')
  // While the first is written, the others become one group, which is larger than a batch.
  await Promise.all([1, 2, 3, 4, 5].map(append))
  await appendEach(opened, 's', 12, 6)
  const reading = opened.log.read({ direction: 'backwards' })
  const found = [(await reading.next()).value]
  await opened.log.seal()
  for await (const one of reading) found.push(one)
  expect(found.map(({ position }) => position)).toEqual(Array.from({ length: 17 }, (_, at) => 17 - at))
  expect(found.map(({ version, data }) => [version, data.number])).toEqual(
    found.map(({ position }) => [position, position]),
  )
})

test('reads ahead no more than some MiB, however large the batches are', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const memory = () => {
    collect()
    return process.memoryUsage().arrayBuffers / (1 << 20)
  }
  const folder = temporaryFolder()
  await (await openLog(folder)).close()
  const large = (position: number) =>
    line(position).replace('"data":{', `"data":{"text":"${'x'.repeat(8 << 20)}",`)
  const positions = Array.from({ length: 10 }, (_, at) => at + 1)
  commitForeign(folder, Object.fromEntries(positions.map((first) => [batchFile(first), large(first)])))
  const opened = await openLog(folder)
  const before = memory()
  const reading = opened.log.read()
  await reading.next()
  // What is on its way comes, whether or not it is asked for.
  for (let last = -1, now = memory(); now !== last; now = memory()) {
    last = now
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  expect(memory() - before).toBeLessThan(40)
  const rest: number[] = []
  for await (const { position } of reading) rest.push(position)
  expect(rest).toEqual(positions.slice(1))
})

test('replays runs of any part, over what is committed and what is not', async () => {
  const opened = await filledLog()
  for (const [from, to] of [
    [1, 60],
    [1, 1],
    [14, 14],
    [10, 45],
    [53, 60],
    [60, 60],
  ] as const) {
    const positions: number[] = []
    for await (const { first, lines } of opened.log.replay(from, to)) {
      for (let line = 0; line < lines.count; line++) positions.push(first + line)
    }
    expect(positions).toEqual(Array.from({ length: to - from + 1 }, (_, at) => from + at))
  }
})

test('opens, appends, reads and closes without a git binary', async () => {
  const { PATH } = process.env
  const folder = temporaryFolder()
  process.env.PATH = '/nonexistent'
  try {
    for (let round = 1; round <= 2; round++) {
      const opened = await openLog(folder, round === 1 ? { engine: 'isomorphic' } : {})
      expect(opened.reader.engine).toBe('isomorphic')
      await appendEach(opened, 's', 3, round * 3 - 2)
      await opened.log.seal()
      await opened.log.fold()
      await appendEach(opened, 's', 0)
      expect(await numbers(opened)).toEqual(Array.from({ length: round * 3 }, (_, at) => at + 1))
      await opened.close()
    }
  } finally {
    process.env.PATH = PATH
  }
  expect(await numbers(await openLog(folder, { engine: 'git' }))).toEqual([1, 2, 3, 4, 5, 6])
})
