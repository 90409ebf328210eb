import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { SealFailedError } from '../../src/log/errors.ts'
import { COMMITS_A_ROUND } from '../../src/log/sealer.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import {
  appendEach,
  batchFile,
  commitForeign,
  event,
  fsck,
  git,
  gitText,
  numbers,
  openLog,
  readAll,
  SEAL_BY_HAND,
  type TestLog,
  temporaryFolder,
  until,
} from './event-log-fixture.ts'

const HALF_MIB = 1 << 19

function files(folder: string): string[] {
  return gitText(folder, 'ls-tree', '-r', '--name-only', 'HEAD', 'events').split('\n')
}

/** More batches than one round commits, each nearly as large as a batch may be. */
const BATCHES = 14

async function appendBatches(opened: TestLog): Promise<void> {
  for (let number = 1; number <= BATCHES; number++) {
    const data = { number, text: randomBytes(430_000).toString('hex') }
    await opened.log.append([{ stream: 's', events: [event(number, { data })] }], undefined, 'written')
  }
}

function leftovers(folder: string): string[] {
  const names = [`${folder}/objects`, `${folder}/objects/pack`].flatMap((path) => readdirSync(path))
  return names.filter((name) => name.startsWith('tmp_'))
}

const isMoveOfBranch = ({ method, to }: Call) =>
  method === 'rename' && to?.endsWith('refs/heads/main') === true

test('writes a pack for each round of several batches, and loose objects for one of one', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(folder, { fileSystem })
  await appendBatches(opened)
  const before = fileSystem.calls.length
  await opened.log.seal()
  const renamed = fileSystem.calls.slice(before).filter(({ method }) => method === 'rename')
  const packs = renamed.filter(({ to }) => to!.endsWith('.pack'))
  expect(packs).toHaveLength(2)
  expect(renamed.filter(({ to }) => /objects\/[0-9a-f]{2}\//.test(to!))).toEqual([])
  await appendEach(opened, 's', 1, BATCHES + 1)
  await opened.log.seal()
  expect(readdirSync(`${folder}/objects/pack`)).toHaveLength(2 * packs.length)
  expect(files(folder)).toHaveLength(BATCHES + 1)
  expect(gitText(folder, 'rev-list', '--count', 'HEAD')).toBe(String(1 + BATCHES + 1))
  expect(leftovers(folder)).toEqual([])
  expect(await numbers(opened)).toHaveLength(BATCHES + 1)
  await opened.close()
  expect(await numbers(await openLog(folder))).toHaveLength(BATCHES + 1)
  expect(fsck(folder)).toBe('')
})

test.each([
  ['the file of a pack', ({ method, path }: Call) => method === 'sync' && path.includes('tmp_pack'), [1, 2]],
  ['the index of a pack', ({ method, path }: Call) => method === 'sync' && path.includes('tmp_idx'), [1, 2]],
  [
    'the name of a pack',
    ({ method, to }: Call) => method === 'rename' && to?.includes('objects/pack') === true,
    [1, 2, 4],
  ],
  [
    'the folder of packs',
    ({ method, path }: Call) => method === 'syncDirectory' && path.endsWith('objects/pack'),
    [1, 2],
  ],
  ['the branch', isMoveOfBranch, [1, 2]],
] as const)(
  'leaves nothing behind when %s cannot be written, and seals it all the next time',
  async (_, on, times) => {
    for (const nth of times) {
      const folder = temporaryFolder()
      const fileSystem = new FaultyFileSystem(nodeFileSystem)
      const opened = await openLog(folder, { fileSystem })
      await appendBatches(opened)
      fileSystem.fail({ on, nth, effect: { kind: 'error', code: 'ENOSPC' } })
      await expect(opened.log.seal()).rejects.toThrow(SealFailedError)
      expect(leftovers(folder)).toEqual([])
      await opened.log.seal()
      expect(opened.log.state.branch.position).toBe(BATCHES)
      expect(files(folder)).toHaveLength(BATCHES)
      expect(leftovers(folder)).toEqual([])
      await opened.close()
      expect(await numbers(await openLog(folder))).toHaveLength(BATCHES)
      expect(fsck(folder)).toBe('')
    }
  },
)

test('seals some time after an append', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder, { seal: { afterMs: 20, maxBytes: 1 << 20 } })
  await appendEach(opened, 's', 3)
  expect(opened.log.state.branch.position).toBe(0)
  await until(() => opened.log.state.branch.position === 3)
  expect(opened.log.state.tail.count).toBe(0)
  expect(files(folder)).toEqual([batchFile(1)])
})

describe('while a burst of appends goes on', () => {
  const AFTER_MS = 250
  const half = { data: { text: 'x'.repeat(HALF_MIB) } }

  /** A log whose time passes by hand, with a first event that waits. */
  async function openWaiting(): Promise<TestLog> {
    const opened = await openLog(temporaryFolder(), { seal: { ...SEAL_BY_HAND, afterMs: AFTER_MS } })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await appendEach(opened, 's', 1)
    return opened
  }

  /** Lets the time pass after which events are sealed, with a mebibyte of them in it. */
  async function burst({ log }: TestLog): Promise<void> {
    await log.append([{ stream: 's', events: [event(1, half), event(2, half)] }], undefined, 'journaled')
    vi.advanceTimersByTime(AFTER_MS)
  }

  test('seals when it is over', async () => {
    const opened = await openWaiting()
    const { state } = opened.log
    await burst(opened)
    await burst(opened)
    await delay(50)
    expect(state.branch.position).toBe(0)
    vi.advanceTimersByTime(AFTER_MS)
    await until(() => state.branch.position === state.visible.position)
  })

  test('waits for its end three times', async () => {
    const opened = await openWaiting()
    const { state } = opened.log
    for (let time = 1; time <= 3; time++) await burst(opened)
    await delay(50)
    expect(state.branch.position).toBe(0)
    await burst(opened)
    await until(() => state.branch.position === state.visible.position)
  })

  test('does not wait for few events', async () => {
    const opened = await openWaiting()
    await appendEach(opened, 's', 10)
    vi.advanceTimersByTime(AFTER_MS)
    await until(() => opened.log.state.branch.position === 11)
  })
})

test('seals at once when many bytes wait', async () => {
  const opened = await openLog(temporaryFolder(), { seal: { ...SEAL_BY_HAND, maxBytes: 2000 } })
  await appendEach(opened, 's', 1)
  expect(opened.log.state.branch.position).toBe(0)
  await appendEach(opened, 's', 20)
  await until(() => opened.log.state.branch.position > 10)
})

test('lets some time pass after a seal that failed, whatever is appended meanwhile', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(temporaryFolder(), { fileSystem, seal: { afterMs: 250, maxBytes: 2000 } })
  const { state } = opened.log
  let isFull = true
  const on = (call: Call) => isFull && isMoveOfBranch(call)
  fileSystem.fail({ on, times: 1000, effect: { kind: 'error', code: 'ENOSPC' } })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  await appendEach(opened, 's', 20)
  await until(() => opened.notices.length > 0)
  await appendEach(opened, 's', 5, 21)
  vi.advanceTimersByTime(500)
  await delay(50)
  expect(opened.notices).toHaveLength(1)
  isFull = false
  vi.advanceTimersByTime(500)
  await until(() => state.branch.position === state.visible.position)
})

test('makes appends wait while too many bytes are not sealed', async () => {
  const opened = await openLog(temporaryFolder(), { seal: { ...SEAL_BY_HAND, maxBytes: 1000 } })
  for (let number = 1; number <= 200; number++) {
    await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'written')
    expect(opened.log.state.tail.bytes).toBeLessThan(5_000)
  }
  await opened.log.seal()
  expect(await numbers(opened)).toHaveLength(200)
})

test('lets appends go on once there is room for them, whatever becomes of the rest', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(temporaryFolder(), {
    fileSystem,
    seal: { ...SEAL_BY_HAND, maxBytes: 2 << 20 },
  })
  let rounds = 0
  fileSystem.fail({
    on: (call) => isMoveOfBranch(call) && rounds-- <= 0,
    times: 1000,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const append = (number: number) => {
    const data = { number, text: randomBytes(430_000).toString('hex') }
    return opened.log.append([{ stream: 's', events: [event(number, { data })] }], undefined, 'written')
  }
  await Promise.all(Array.from({ length: BATCHES }, (_, at) => append(at + 1)))
  await expect(opened.log.seal()).rejects.toThrow(SealFailedError)
  rounds = 1
  await append(BATCHES + 1)
  expect(opened.log.state.branch.position).toBe(COMMITS_A_ROUND)
})

test('shares commits between appends that ask for one at the same time', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, at) =>
      opened.log.append([{ stream: `s${at}`, events: [event(at)] }], undefined, 'committed'),
    ),
  )
  const commits = new Set(results.map(({ commit }) => commit))
  expect(commits.size).toBeLessThan(6)
  for (const { commit, position } of results.slice(0, 3)) {
    const added = gitText(folder, 'show', '--format=', commit ?? '')
    expect(added).toContain(`"stream":"s${position - 1}"`)
  }
})

test('writes batches up to 1 MiB, and a larger one only for a single append, which it never splits', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  const text = 'x'.repeat(HALF_MIB * 0.6)
  const append = (count: number) =>
    opened.log.append(
      [
        {
          stream: 's',
          events: Array.from({ length: count }, (_, at) => event(at, { data: { number: at, text } })),
        },
      ],
      undefined,
      'journaled',
    )
  for (const count of [1, 1, 1, 1, 5, 1, 2, 2]) await append(count)
  await opened.log.seal()
  expect(files(folder)).toEqual([1, 4, 5, 10, 13].map((first) => batchFile(first)))
  const sizes = gitText(folder, 'ls-tree', '-r', '--long', 'HEAD', 'events')
    .split('\n')
    .map((entry) => Number(entry.split(/\s+/)[3]))
  expect(sizes.filter((size) => size > 1 << 20)).toHaveLength(1)
  expect(await readAll(opened)).toHaveLength(14)
  await opened.close()
  expect(fsck(folder)).toBe('')
})

test('writes commits that git log tells people and programs about', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await opened.log.append([{ stream: 'account-1', events: [event(1)] }], undefined, 'committed')
  await opened.log.append(
    [
      { stream: 'account-1', events: [event(2)] },
      { stream: 'with space\u2028and more', events: [event(3)] },
    ],
    undefined,
    'committed',
  )
  const format =
    '%s|%an <%ae>|%(trailers:key=Memoir-Kind,valueonly,separator=)|%(trailers:key=Memoir-First,valueonly,separator=)|%(trailers:key=Memoir-Count,valueonly,separator=)'
  expect(gitText(folder, 'log', '--reverse', `--format=${format}`).split('\n')).toEqual([
    'Start the log|Memoir <memoir@example.org>|init|1|0',
    'Append 1 event to account-1 (1)|Memoir <memoir@example.org>|append|1|1',
    'Append 2 events to 2 streams (2..3)|Memoir <memoir@example.org>|append|2|2',
  ])
  expect(gitText(folder, 'rev-list', '--min-parents=2', '--count', 'HEAD')).toBe('0')
})

test.each(['jsonl', 'yaml'] as const)(
  'folds 256 small files of a %s log and keeps every event',
  async (codec) => {
    const folder = temporaryFolder()
    let opened = await openLog(folder, { codec })
    const total = 258
    for (let number = 1; number <= total; number++) {
      await opened.log.append([{ stream: `s${number % 7}`, events: [event(number)] }], undefined, 'committed')
    }
    await opened.log.seal()
    await until(() => files(folder).length < 256)
    expect(files(folder)[0]).toBe(batchFile(1, codec))
    const kinds = gitText(folder, 'log', '--format=%(trailers:key=Memoir-Kind,valueonly,separator=)').split(
      '\n',
    )
    expect(kinds.filter((kind) => kind === 'fold')).toHaveLength(1)
    const expected = Array.from({ length: total }, (_, at) => at + 1)
    expect(await numbers(opened)).toEqual(expected)
    expect(opened.notices).toEqual([])
    await opened.close()
    opened = await openLog(folder)
    expect(await numbers(opened)).toEqual(expected)
    expect(fsck(folder)).toBe('')
  },
)

test('folds again and again, and yet rewrites each line a few times only', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  const text = 'x'.repeat(1800)
  for (let number = 1; number <= 800; number++) {
    await opened.log.append(
      [{ stream: 's', events: [event(number, { data: { number, text } })] }],
      undefined,
      'committed',
    )
  }
  await opened.log.seal()
  const written = gitText(
    folder,
    'cat-file',
    '--batch-check=%(objecttype) %(objectsize)',
    '--batch-all-objects',
  )
    .split('\n')
    .filter((entry) => entry.startsWith('blob'))
    .reduce((sum, entry) => sum + Number(entry.split(' ')[1]), 0)
  const stored = git(folder, ['archive', '--format=tar', 'HEAD', 'events']).length
  expect(gitText(folder, 'log', '--format=%s').match(/^Fold/gm)?.length).toBeGreaterThanOrEqual(2)
  expect(written / stored).toBeLessThan(3.5)
  expect(await readAll(opened)).toHaveLength(800)
  expect(files(folder).length).toBeLessThan(300)
})

test('folds by hand what stands in both codecs, each with its own', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEachCommitted(opened, 1, 6)
  const yaml = (position: number) =>
    `- id: by-hand-${position}\n  stream: y\n  version: ${position - 6}\n  type: Counted\n  time: 2099-01-01T00:00:00.000Z\n  data:\n    number: ${position}\n`
  for (const position of [7, 8, 9, 10])
    commitForeign(folder, { [batchFile(position, 'yaml')]: yaml(position) })
  await appendEachCommitted(opened, 11, 4)
  expect(await opened.log.fold()).toEqual({ before: 14, after: 3 })
  expect(files(folder)).toEqual([batchFile(1), batchFile(7, 'yaml'), batchFile(11)])
  expect(await numbers(opened)).toEqual(Array.from({ length: 14 }, (_, at) => at + 1))
  expect(fsck(folder)).toBe('')
})

test('writes JSON lines in a YAML log where YAML would take more than twice the room', async () => {
  const folder = temporaryFolder()
  let opened = await openLog(folder, { codec: 'yaml' })
  const text = '\x7f'.repeat(1000)
  for (const number of [1, 2, 3]) {
    const data = number === 2 ? { number, text } : { number }
    await opened.log.append([{ stream: 's', events: [event(number, { data })] }], undefined, 'committed')
  }
  expect(files(folder)).toEqual([batchFile(1, 'yaml'), batchFile(2), batchFile(3, 'yaml')])
  await opened.close()
  opened = await openLog(folder)
  expect((await readAll(opened)).map(({ data }) => data)).toEqual([
    { number: 1 },
    { number: 2, text },
    { number: 3 },
  ])
})

test('tells a seal that failed, keeps the events readable, and seals them later', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  const opened = await openLog(folder, { fileSystem })
  await appendEach(opened, 's', 2)
  fileSystem.fail({
    on: ({ method, path }) => method === 'write' && path.includes('/objects/'),
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const append = opened.log.append([{ stream: 's', events: [event(3)] }], undefined, 'committed')
  await expect(append).rejects.toMatchObject({
    code: 'seal-failed',
    position: 3,
    cause: { code: 'disk-full' },
  })
  expect(opened.notices.map(({ kind }) => kind)).toEqual(['seal-failed'])
  expect(await numbers(opened)).toEqual([1, 2, 3])
  await opened.log.seal()
  expect(opened.log.state.branch.position).toBe(3)
  expect(fsck(folder)).toBe('')
})

test('settles a seal whose outcome was not known: each event is committed once', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  const opened = await openLog(folder, { fileSystem })
  await appendEach(opened, 's', 2)
  // The branch has moved already, only its folder could not be synced.
  fileSystem.fail({
    on: ({ method, path }) => method === 'syncDirectory' && path.endsWith('/refs/heads'),
    effect: { kind: 'error', code: 'EIO' },
  })
  await expect(opened.log.seal()).rejects.toThrow(SealFailedError)
  await opened.log.seal()
  await appendEach(opened, 's', 1, 3)
  await opened.log.seal()
  expect(gitText(folder, 'rev-list', '--count', 'HEAD')).toBe('3')
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test('seals no more once it is closed, also when the last seal failed', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const opened = await openLog(folder, { fileSystem, seal: { afterMs: 0, maxBytes: 1 } })
  fileSystem.fail({
    on: ({ method, path }) => method === 'write' && path.includes('/objects/'),
    times: 1000,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  await appendEach(opened, 's', 1)
  await expect(opened.close()).rejects.toThrow(SealFailedError)
  const calls = fileSystem.calls.length
  await vi.advanceTimersByTimeAsync(10_000)
  expect(fileSystem.calls.length).toBe(calls)
  expect(await numbers(await openLog(folder))).toEqual([1])
})

async function appendEachCommitted(
  { log }: Awaited<ReturnType<typeof openLog>>,
  from: number,
  count: number,
): Promise<void> {
  for (let number = from; number < from + count; number++) {
    await log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
  }
}
