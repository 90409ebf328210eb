import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ExpectedVersion } from '../../src/event/condition.ts'
import { meetsExpectedVersion } from '../../src/event/condition.ts'
import { TimeBackwardsError, UsageError } from '../../src/event/errors.ts'
import { ConcurrencyError, DuplicateIdError, LogClosedError, ReadOnlyError } from '../../src/log/errors.ts'
import type { AppendResult } from '../../src/log/placement.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { appendEach, event, fsck, numbers, openLog, readAll, temporaryFolder } from './event-log-fixture.ts'

const commands = fc.array(
  fc.record({
    streams: fc.uniqueArray(fc.constantFrom('a', 'b', '__proto__', 'constructor', '../../etc'), {
      minLength: 1,
      maxLength: 3,
    }),
    count: fc.integer({ min: 1, max: 3 }),
    expected: fc.oneof(
      fc.constantFrom<ExpectedVersion>('any', 'no-stream', 'stream-exists'),
      fc.integer({ min: 0, max: 6 }),
    ),
    tag: fc.constantFrom('x', 'y'),
    boundary: fc.option(fc.record({ tag: fc.constantFrom('x', 'y'), back: fc.integer({ min: 0, max: 4 }) }), {
      nil: undefined,
    }),
    ack: fc.constantFrom('written' as const, 'journaled' as const, 'committed' as const),
    next: fc.constantFrom('go on', 'seal', 'reopen', 'fold'),
  }),
  { minLength: 1, maxLength: 12 },
)

test('behaves as a list of events with rules, through seals, folds and reopenings', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (steps) => {
      const folder = `${temporaryFolder()}/log.git`
      let opened = await openLog(folder)
      const model: { stream: string; version: number; tag: string; number: number }[] = []
      const versionOf = (stream: string) => model.filter((one) => one.stream === stream).length
      for (const { streams, count, expected, tag, boundary, ack, next } of steps) {
        const after = boundary && Math.max(0, model.length - boundary.back)
        const isAccepted =
          streams.every((stream) => meetsExpectedVersion(expected, versionOf(stream))) &&
          !(boundary && model.slice(after).some((one) => one.tag === boundary.tag))
        const appended = streams.flatMap((stream) =>
          Array.from({ length: count }, (_, at) => ({
            stream,
            version: versionOf(stream) + at + 1,
            tag,
            number: 0,
          })),
        )
        appended.forEach((one, at) => {
          one.number = model.length + at + 1
        })
        const appends = streams.map((stream) => ({
          stream,
          expectedVersion: expected,
          events: appended
            .filter((one) => one.stream === stream)
            .map(({ number }) => event(number, { tags: [tag] })),
        }))
        const condition =
          boundary && after !== undefined ? { query: { tags: [boundary.tag] }, after } : undefined
        const outcome = await opened.log.append(appends, condition, ack).catch((error: unknown) => error)
        if (isAccepted) {
          model.push(...appended)
          expect(outcome).toMatchObject({
            position: model.length,
            firstPosition: model.length - appended.length + 1,
            version: versionOf(streams[0]!),
            streams: streams.map((stream) => ({ stream, version: versionOf(stream) })),
          })
          expect('commit' in (outcome as object)).toBe(ack === 'committed')
        } else {
          expect(outcome).toBeInstanceOf(ConcurrencyError)
        }
        if (next === 'seal') await opened.log.seal()
        if (next === 'fold') await opened.log.fold()
        if (next === 'reopen') {
          await opened.close()
          opened = await openLog(folder)
        }
        const stored = (await readAll(opened)).map(({ stream, version, tags, data }) => ({
          stream,
          version,
          tag: tags[0],
          number: (data as { number: number }).number,
        }))
        expect(stored).toEqual(model)
        expect(opened.listener.ids).toHaveLength(model.length)
      }
      await opened.close()
      expect(fsck(folder)).toBe('')
    }),
    { numRuns: 12 },
  )
})

test('says which stream stands where when an expected version is wrong', async () => {
  const opened = await openLog(temporaryFolder())
  await appendEach(opened, 'account-1', 2)
  const append = opened.log.append(
    [{ stream: 'account-1', events: [event(3)], expectedVersion: 1 }],
    undefined,
    'journaled',
  )
  await expect(append).rejects.toMatchObject({
    code: 'concurrency',
    stream: 'account-1',
    expected: 1,
    actual: 2,
  })
  expect(await numbers(opened)).toEqual([1, 2])
})

test('stores nothing of an append over several streams when one stands elsewhere', async () => {
  const opened = await openLog(temporaryFolder())
  const append = opened.log.append(
    [
      { stream: 'a', events: [event(1)] },
      { stream: 'b', events: [event(2)], expectedVersion: 'stream-exists' },
    ],
    undefined,
    'journaled',
  )
  await expect(append).rejects.toThrow(ConcurrencyError)
  expect(await readAll(opened)).toEqual([])
  expect(opened.log.streams()).toEqual([])
})

test('gives positions in the order of the calls, also to those that wait for a look at the branch', async () => {
  const opened = await openLog(temporaryFolder())
  const appends: Promise<{ position: number }>[] = []
  const add = () =>
    appends.push(
      opened.log.append([{ stream: 's', events: [event(appends.length + 1)] }], undefined, 'journaled'),
    )
  add()
  add()
  // Some turns later the first ones still wait, or do not: the order must not depend on it.
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    add()
  }
  const positions = (await Promise.all(appends)).map(({ position }) => position)
  expect(positions).toEqual(appends.map((_, at) => at + 1))
  expect(await numbers(opened)).toEqual(positions)
})

test('lands 1,024 appends in flight in few writes to the journal', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(temporaryFolder(), { fileSystem })
  await appendEach(opened, 's', 1)
  const writes = () =>
    fileSystem.calls.filter(({ method, path }) => method === 'write' && path.endsWith('.journal')).length
  const before = writes()
  await Promise.all(
    Array.from({ length: 1024 }, (_, at) =>
      opened.log.append([{ stream: 's', events: [event(at)] }], undefined, 'journaled'),
    ),
  )
  expect(writes() - before).toBeLessThanOrEqual(4)
  expect(opened.log.state.visible.position).toBe(1025)
})

test.each(['at once', 'after a seal', 'after reopening', 'after a fold'])(
  'answers a repeated append with the first result, %s',
  async (when) => {
    const folder = temporaryFolder()
    let opened = await openLog(folder)
    await appendEach(opened, 'other', 3)
    await opened.log.seal()
    const append = () =>
      opened.log.append(
        [
          {
            stream: 'a',
            events: [event(1, { id: 'one' }), event(2, { id: 'two' })],
            expectedVersion: 'no-stream',
          },
          { stream: 'b', events: [event(3, { id: 'é "3"' })], expectedVersion: 0 },
        ],
        undefined,
        'journaled',
      )
    const first = await append()
    await appendEach(opened, 'a', 2)
    if (when !== 'at once') await opened.log.seal()
    if (when === 'after a fold') await opened.log.fold()
    if (when === 'after reopening') {
      await opened.close()
      opened = await openLog(folder)
    }
    expect(await append()).toEqual(first)
    expect(first).toMatchObject({ firstPosition: 4, position: 6, version: 2, ids: ['one', 'two', 'é "3"'] })
    expect(opened.log.state.index.count).toBe(8)
  },
)

test('stores an append once that comes in twice at the same time', async () => {
  const opened = await openLog(temporaryFolder())
  const append = () =>
    opened.log.append([{ stream: 's', events: [event(1, { id: 'once' })] }], undefined, 'journaled')
  const results = await Promise.all([append(), append(), append()])
  expect(results.map(({ position }) => position)).toEqual([1, 1, 1])
  expect(await numbers(opened)).toEqual([1])
})

test.each([0, 5])(
  'stores an append once that is made again as soon as its refusal is known, after %s commits',
  async (commits) => {
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const opened = await openLog(temporaryFolder(), { fileSystem })
    for (let number = 1; number <= commits; number++)
      await appendEach(opened, 's', 1).then(() => opened.log.seal())
    await appendEach(opened, 's', 1)
    const append = () =>
      opened.log.append([{ stream: 's', events: [event(7, { id: 'the id' })] }], undefined, 'journaled')
    const isFrame = ({ method, path }: Call) => method === 'write' && path.includes('/journal/')
    fileSystem.fail({ on: isFrame, effect: { kind: 'error', code: 'ENOSPC' } })
    let again: Promise<AppendResult> | undefined
    const refused = opened.log
      .append([{ stream: 's', events: [event(8)] }], undefined, 'journaled')
      .catch(() => {
        // Others hear of it a few turns later.
        again = append()
      })
    const [first, second] = await Promise.allSettled([append(), append(), refused])
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'journal-full' } })
    expect(second).toMatchObject({ status: 'fulfilled', value: { position: commits + 2 } })
    expect(await again).toMatchObject({ position: commits + 2 })
    expect((await numbers(opened)).filter((number) => number === 7)).toHaveLength(1)
  },
)

test.each([2, 3])(
  'stores an append once that comes in again %s times before it is refused',
  async (times) => {
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const opened = await openLog(temporaryFolder(), { fileSystem })
    await appendEach(opened, 's', 1)
    const append = () =>
      opened.log.append([{ stream: 's', events: [event(7, { id: 'the id' })] }], undefined, 'journaled')
    const isFrame = ({ method, path }: Call) => method === 'write' && path.includes('/journal/')
    fileSystem.fail({ on: isFrame, effect: { kind: 'error', code: 'ENOSPC' } })
    const [first, ...others] = await Promise.allSettled(Array.from({ length: times + 1 }, append))
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'journal-full' } })
    for (const one of others) expect(one).toMatchObject({ status: 'fulfilled', value: { position: 2 } })
    expect(await numbers(opened)).toEqual([1, 7])
  },
)

test('answers a repeated append with a commit when asked for one', async () => {
  const opened = await openLog(temporaryFolder())
  const append = () =>
    opened.log.append([{ stream: 's', events: [event(1, { id: 'x' })] }], undefined, 'committed')
  const { commit } = await append()
  expect((await append()).commit).toBe(commit)
})

test.each([
  ['only some of its ids are stored', [event(1, { id: 'one' }), event(9, { id: 'new' })], 'a'],
  ['some of its events have no id', [event(1, { id: 'one' }), event(9)], 'a'],
  ['the order is another', [event(2, { id: 'two' }), event(1, { id: 'one' })], 'a'],
  ['the stream is another', [event(1, { id: 'one' }), event(2, { id: 'two' })], 'b'],
  ['an event went to another stream', [event(2, { id: 'two' }), event(3, { id: 'three' })], 'a'],
])('refuses a repeated append when %s', async (_, events, stream) => {
  const opened = await openLog(temporaryFolder())
  await opened.log.append(
    [{ stream: 'a', events: [event(1, { id: 'one' }), event(2, { id: 'two' })] }],
    undefined,
    'journaled',
  )
  await opened.log.append([{ stream: 'c', events: [event(3, { id: 'three' })] }], undefined, 'committed')
  await expect(opened.log.append([{ stream, events }], undefined, 'journaled')).rejects.toThrow(
    DuplicateIdError,
  )
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test('refuses a repeated append that stands at another place than it expects', async () => {
  const opened = await openLog(temporaryFolder())
  await appendEach(opened, 's', 1)
  const append = (expectedVersion: ExpectedVersion) =>
    opened.log.append(
      [{ stream: 's', events: [event(2, { id: 'x' })], expectedVersion }],
      undefined,
      'journaled',
    )
  await append(1)
  await expect(append('no-stream')).rejects.toThrow(ConcurrencyError)
  await expect(append(2)).rejects.toThrow(ConcurrencyError)
  await expect(append('stream-exists')).resolves.toMatchObject({ position: 2 })
})

test.each([
  ['no stream', []],
  [
    'a stream twice',
    [
      { stream: 's', events: [event(1)] },
      { stream: 's', events: [event(2)] },
    ],
  ],
  ['an id twice', [{ stream: 's', events: [event(1, { id: 'x' }), event(2, { id: 'x' })] }]],
  ['a negative version', [{ stream: 's', events: [event(1)], expectedVersion: -1 }]],
  ['half a version', [{ stream: 's', events: [event(1)], expectedVersion: 0.5 }]],
])('refuses an append with %s', async (_, appends) => {
  const opened = await openLog(temporaryFolder())
  await expect(opened.log.append(appends, undefined, 'journaled')).rejects.toThrow(UsageError)
  expect(opened.log.state.index.count).toBe(0)
})

test.each([
  ['no query', {}],
  ['a text for a list', { query: { types: 'Counted' } }],
  ['a misspelt field', { query: { type: ['Counted'] } }],
  ['a negative position', { query: {}, after: -1 }],
])('refuses a condition with %s', async (_, condition) => {
  const opened = await openLog(temporaryFolder())
  // As JavaScript may call it.
  const given = condition as never
  await expect(opened.log.append([{ stream: 's', events: [event(1)] }], given, 'journaled')).rejects.toThrow(
    UsageError,
  )
})

test('takes given times, refuses one before the last event, and lets the clock go back', async () => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const opened = await openLog(temporaryFolder(), { clock: { now: () => now } })
  const append = (time?: string) =>
    opened.log.append(
      [{ stream: 's', events: [time === undefined ? event(1) : event(1, { time })] }],
      undefined,
      'journaled',
    )
  await append('2026-03-01T12:00:00+02:00')
  await append()
  now = Date.parse('2026-04-01T00:00:00Z')
  await append()
  await expect(append('2026-03-31T23:59:59Z')).rejects.toThrow(TimeBackwardsError)
  expect((await readAll(opened)).map(({ time }) => time)).toEqual([
    '2026-03-01T10:00:00.000Z',
    '2026-03-01T10:00:00.000Z',
    '2026-04-01T00:00:00.000Z',
  ])
})

test('says that a log is closed, or read only, and lets what was under way end', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 1)
  const underWay = opened.log.append([{ stream: 's', events: [event(2)] }], undefined, 'committed')
  await new Promise((resolve) => setImmediate(resolve))
  await opened.close()
  await expect(underWay).resolves.toMatchObject({ position: 2 })
  await expect(
    opened.log.append([{ stream: 's', events: [event(3)] }], undefined, 'journaled'),
  ).rejects.toThrow(LogClosedError)
  expect(() => opened.log.read()).toThrow(LogClosedError)

  const reader = await openLog(folder, { readOnly: true })
  await expect(
    reader.log.append([{ stream: 's', events: [event(3)] }], undefined, 'journaled'),
  ).rejects.toThrow(ReadOnlyError)
  expect(await numbers(reader)).toEqual([1, 2])
  await reader.close()
  expect(() => reader.log.read()).toThrow(LogClosedError)
})

test.each(['journaled', 'committed'] as const)(
  'stores what was called before the log was closed, %s, though nobody waited for it',
  async (ack) => {
    const folder = temporaryFolder()
    // Nothing waits to be sealed, so that the first one waits for a look at the branch.
    const opened = await openLog(folder)
    const append = (given: object) =>
      opened.log.append([{ stream: 's', events: [{ ...event(1), ...given }] }], undefined, ack)
    const appended = [append({}), append({ id: 'one' }), append({ id: 'one' }), append({})]
    const closed = opened.close()
    await expect(append({})).rejects.toThrow(LogClosedError)
    await closed
    const positions = (await Promise.all(appended)).map(({ position }) => position)
    expect(new Set(positions).size).toBe(3)
    const reader = await openLog(folder, { readOnly: true })
    expect(await numbers(reader)).toHaveLength(3)
    await reader.close()
  },
)

test('keeps what it was called with, whatever the caller changes while it waits', async () => {
  const folder = `${temporaryFolder()}/log.git`
  const opened = await openLog(folder)
  const tags = ['a']
  const query = { types: ['Other'] }
  const appended = opened.log.append([{ stream: 's', events: [event(1, { tags })] }], undefined, 'journaled')
  const conditional = opened.log.append(
    [{ stream: 's', events: [event(2)] }],
    { query: [query, { tags: ['none'] }] },
    'journaled',
  )
  tags[0] = 'b'
  query.types[0] = event(1).type
  await appended
  await conditional
  expect(await numbers(opened, { tags: ['a'] })).toEqual([1])
  expect(await numbers(opened, { tags: ['b'] })).toEqual([])
  await opened.close()
})

test('an event whose getter appends is stored whole, and so is what it appends', async () => {
  const opened = await openLog(`${temporaryFolder()}/log.git`)
  const { log } = opened
  const inner: Promise<unknown>[] = []
  const appending = (number: number) => ({
    before: 'x'.repeat(number),
    get appended() {
      const data = { text: 'y'.repeat(number * 900) }
      inner.push(log.append([{ stream: 'inner', events: [{ type: 'Inner', data }] }], undefined, 'journaled'))
      return number
    },
    after: 'z'.repeat(number),
  })
  // The first of them wait together until the log was looked at, the later ones have their place at once.
  for (const numbers of [[1, 20], [60], [3]]) {
    await Promise.all(
      numbers.map((number) =>
        log.append(
          [{ stream: 'outer', events: [{ type: 'Outer', data: appending(number) }] }],
          undefined,
          'journaled',
        ),
      ),
    )
  }
  await Promise.all(inner)
  const events = await readAll(opened)
  const outer = events.filter(({ stream }) => stream === 'outer').map(({ data }) => data)
  const expected = [1, 20, 60, 3].map((number) => ({
    before: 'x'.repeat(number),
    appended: number,
    after: 'z'.repeat(number),
  }))
  expect(outer).toEqual(expected)
  expect(events.filter(({ stream }) => stream === 'inner').length).toBe(inner.length)
  await opened.close()
})
