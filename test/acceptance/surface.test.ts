import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clone, type Log, type Notice, open, projection, type RecordedEvent } from '../../src/index.ts'
import { bareRepository, fsck, git, gitText, temporaryDirectory } from '../repository/real-git.ts'

const deposited = (amount: number) => ({ type: 'MoneyDeposited', data: { amount } })

const balances = projection({
  name: 'balances',
  version: 1,
  init: () => new Map<string, number>(),
  when: {
    MoneyDeposited(state, { stream, data }: RecordedEvent<'MoneyDeposited', { amount: number }>) {
      state.set(stream, (state.get(stream) ?? 0) + data.amount)
    },
  },
})

describe('append', () => {
  it('gives version and position at once, and the commit from `committed` on', async () => {
    const { log, path } = await newLog()
    await using _ = log
    expect(await log.append('account-1', [deposited(10)], { expectedVersion: 'no-stream' })).toMatchObject({
      version: 1,
      position: 1,
    })
    const committed = await log.append('account-1', [deposited(5)], { ack: 'committed' })
    expect(committed.commit).toBe(gitText(path, 'rev-parse', 'main'))
    expect(log.state(balances).get('account-1')).toBe(15)
  })

  it('over several streams is one batch, one commit, and all or nothing', async () => {
    const { log, path } = await newLog()
    await using _ = log
    const appends = [
      { stream: 'a', events: [deposited(1), deposited(2)], expectedVersion: 0 },
      { stream: 'b', events: [deposited(3)] },
    ]
    expect(await log.append(appends, { ack: 'committed' })).toMatchObject({
      firstPosition: 1,
      position: 3,
      streams: [
        { stream: 'a', version: 2 },
        { stream: 'b', version: 1 },
      ],
    })
    await expect(log.append(appends)).rejects.toMatchObject({ code: 'concurrency', stream: 'a' })
    expect(log.status().events).toBe(3)
    expect(gitText(path, 'log', '--format=%s')).toBe('Append 3 events to 2 streams (1..3)\nStart the log')
  })

  it('with a condition is refused once a matching event stands after the position', async () => {
    await using log = (await newLog()).log
    const seat = { type: 'SeatTaken', tags: ['flight:7'], data: { seat: '1A' } }
    const condition = { query: { types: ['SeatTaken'], tags: ['flight:7'] }, after: 0 }
    await log.append('seat-1', [seat], { condition })
    await expect(log.append('seat-2', [seat], { condition })).rejects.toMatchObject({
      code: 'concurrency',
      actual: 1,
    })
    expect(await log.append('seat-2', [seat], { condition: { ...condition, after: 1 } })).toMatchObject({
      position: 2,
    })
  })

  it('that is repeated with the same ids gives the first result again', async () => {
    const { log, path } = await newLog()
    const events = [
      { ...deposited(1), id: 'one' },
      { ...deposited(2), id: 'two' },
    ]
    const first = await log.append('a', events, { expectedVersion: 0 })
    expect(await log.append('a', events, { expectedVersion: 0 })).toEqual(first)
    await log.close()
    await using again = await open(path)
    expect(await again.append('a', events, { expectedVersion: 0 })).toEqual(first)
    expect(again.status().events).toBe(2)
  })

  it('never lets time go backwards, and refuses a given time that would', async () => {
    const clock = { ms: Date.UTC(2026, 0, 2), now: () => clock.ms }
    const path = join(temporaryDirectory(), 'log.git')
    await using log = await open(path, { ports: { clock } })
    await log.append('a', [deposited(1)])
    clock.ms -= 3_600_000
    await log.append('a', [deposited(2)])
    expect((await log.event(2)).time).toBe('2026-01-02T00:00:00.000Z')
    const early = { ...deposited(3), time: '2026-01-01T00:00:00Z' }
    await expect(log.append('a', [early])).rejects.toMatchObject({ code: 'time-backwards' })
  })
})

describe('read', () => {
  it('takes a stream or the whole log, from either end, filtered', async () => {
    await using log = (await newLog()).log
    await log.append('account-1', [deposited(1), { type: 'Noted', tags: ['x'] }, deposited(2)])
    await log.append('account-2', [deposited(3)])
    expect(await amounts(log.read({ stream: 'account-1', from: 2 }))).toEqual([undefined, 2])
    expect(
      await amounts(log.read({ stream: 'account-1', from: 2, direction: 'backwards', limit: 10 })),
    ).toEqual([undefined, 1])
    expect(await amounts(log.read({ types: ['MoneyDeposited'], prefix: 'account-' }))).toEqual([1, 2, 3])
    expect(await amounts(log.read({ direction: 'backwards', limit: 2 }))).toEqual([3, 2])
    expect((await collect(log.read({ tags: ['x'] }))).map(({ position }) => position)).toEqual([2])
    expect(await collect(log.read({ stream: 'nobody' }))).toEqual([])
    await expect(collect(log.read({ stream: 'nobody', ifMissing: 'error' }))).rejects.toMatchObject({
      code: 'stream-not-found',
    })
    expect(log.streams({ prefix: 'account-' })).toMatchObject([
      { stream: 'account-1', version: 3, position: 3 },
      { stream: 'account-2', version: 1, position: 4 },
    ])
    await expect(log.event(9)).rejects.toMatchObject({ code: 'event-not-found' })
  })

  it('follows what comes, and ends with the signal', async () => {
    await using log = (await newLog()).log
    const ending = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const { position } of log.read({ follow: true, signal: ending.signal })) {
        seen.push(position)
        if (position === 2) ending.abort(new Error('enough'))
      }
    })()
    await log.append('a', [deposited(1)])
    await log.append('a', [deposited(2)])
    await expect(reading).rejects.toThrow('enough')
    expect(seen).toEqual([1, 2])
  })
})

it('time travel gives what the log knew at a position, a commit or a date', async () => {
  const clock = { ms: Date.UTC(2026, 0, 1), now: () => clock.ms }
  const path = join(temporaryDirectory(), 'log.git')
  await using log = await open(path, { projections: [balances], ports: { clock } })
  const { commit } = await log.append('a', [deposited(1)], { ack: 'committed' })
  clock.ms += 86_400_000
  await log.append('a', [deposited(10)])
  for (const point of [1, commit!, '2026-01-01T12:00Z', new Date(Date.UTC(2026, 0, 1))]) {
    const past = await log.at(point)
    expect(past.state(balances).get('a')).toBe(1)
    expect(await amounts(past.read())).toEqual([1])
  }
  expect((await log.at(0)).state(balances).size).toBe(0)
  await expect(log.at(9)).rejects.toMatchObject({ code: 'event-not-found' })
  await expect(log.at('f'.repeat(40))).rejects.toMatchObject({ code: 'commit-not-found' })
})

it('time travel passes over the events that a projection was told to skip', async () => {
  const fragile = projection({
    name: 'fragile',
    version: 1,
    init: () => ({ sum: 0 }),
    when: {
      MoneyDeposited(state, { data }: RecordedEvent<'MoneyDeposited', { amount: number }>) {
        if (data.amount === 13) throw new Error('thirteen')
        state.sum += data.amount
      },
    },
  })
  await using log = await open(join(temporaryDirectory(), 'log.git'), { projections: [fragile, balances] })
  await log.append('a', [deposited(1), deposited(13), deposited(2)])
  await log.resume(fragile, 'skip')
  const sums = async (point: number) => {
    const past = await log.at(point)
    return [past.state(fragile).sum, past.state(balances).get('a')]
  }
  expect(await Promise.all([1, 2, 3].map(sums))).toEqual([
    [1, 1],
    [1, 14],
    [3, 16],
  ])
  expect(log.state(fragile).sum).toBe(3)
})

describe('remotes', () => {
  it('push is a backup, clone a restore, pull takes in what others pushed', async () => {
    const remote = bareRepository()
    const { log } = await newLog({ remote })
    await using _ = log
    await log.append('a', [deposited(1)], { ack: 'pushed' })
    expect(gitText(remote, 'rev-parse', 'main')).toBe(log.status().commit)

    const copyPath = join(temporaryDirectory(), 'copy.git')
    await using copy = await clone(remote, copyPath, { projections: [balances] })
    expect(copy.state(balances)).toEqual(log.state(balances))
    await log.append('b', [deposited(2)])
    await log.push()
    expect(await copy.pull()).toMatchObject({ from: 1, to: 2 })
    expect(copy.state(balances)).toEqual(log.state(balances))
    expect(fsck(copyPath)).toBe('')
  })

  it('a push that would not be a fast-forward is a conflict, and nothing is forced', async () => {
    const remote = bareRepository()
    const { log } = await newLog({ remote })
    await using _ = log
    await log.append('a', [deposited(1)], { ack: 'pushed' })
    await using copy = await clone(remote, join(temporaryDirectory(), 'copy.git'))
    await copy.append('b', [deposited(2)], { ack: 'pushed' })
    const head = gitText(remote, 'rev-parse', 'main')
    await expect(log.append('c', [deposited(3)], { ack: 'pushed' })).rejects.toMatchObject({
      code: 'not-pushed',
      cause: { code: 'remote-failed', kind: 'conflict' },
    })
    await expect(log.pull()).rejects.toMatchObject({ code: 'history-forked' })
    expect(gitText(remote, 'rev-parse', 'main')).toBe(head)
    expect(log.status().events).toBe(2)
  })

  it.each([false, true])(
    'a remote whose HEAD names another branch is cloned all the same (work tree: %s)',
    async (workTree) => {
      const remote = bareRepository()
      git(remote, ['symbolic-ref', 'HEAD', 'refs/heads/master'])
      const { log } = await newLog({ remote })
      await using _ = log
      await log.append('a', [deposited(1)], { ack: 'pushed' })
      const path = join(temporaryDirectory(), 'copy')
      await using copy = await clone(remote, path, { projections: [balances], workTree })
      expect(copy.state(balances)).toEqual(log.state(balances))
      expect(gitText(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
      if (workTree) await cleanStatus(path)
    },
  )

  it('a clone of what is no log leaves nothing behind', async () => {
    const remote = bareRepository()
    const target = join(temporaryDirectory(), 'copy')
    await expect(clone(remote, target, { readOnly: true })).rejects.toMatchObject({ code: 'not-a-log' })
    await expect(clone(remote, temporaryDirectory(), { readOnly: true })).rejects.toMatchObject({
      code: 'not-a-log',
    })
    await expect(clone('ext::sh -c true', target)).rejects.toMatchObject({ code: 'invalid-remote' })
    expect(gitText(join(target, '..'), 'ls-remote', remote)).toBe('')
  })
})

describe('a clone with a work tree', () => {
  it('has its files and index follow the log, so that git status is clean', async () => {
    const path = temporaryDirectory()
    git(path, ['init', '--quiet', '--initial-branch=main'])
    const log = await open(path)
    for (let n = 1; n <= 5; n++) await log.append('a', [deposited(n)], { ack: 'committed' })
    await log.close()
    expect(gitText(path, 'status', '--porcelain')).toBe('')
    expect(gitText(path, 'ls-files', 'events').split('\n')).toHaveLength(5)
    expect(fsck(path)).toBe('')
  })

  it('takes in what is committed there by hand', async () => {
    const path = temporaryDirectory()
    git(path, ['init', '--quiet', '--initial-branch=main'])
    const notices: Notice[] = []
    await using log = await open(path, {
      projections: [balances],
      onNotice: (notice) => notices.push(notice),
    })
    await log.append('a', [deposited(1)], { ack: 'committed' })
    await log.seal()
    await cleanStatus(path)
    const { writeFileSync } = await import('node:fs')
    const event = {
      id: 'x',
      stream: 'a',
      version: 2,
      type: 'MoneyDeposited',
      time: (await log.event(1)).time,
      data: { amount: 7 },
    }
    writeFileSync(join(path, 'events/000000/000000000002.jsonl'), `${JSON.stringify(event)}\n`)
    git(path, ['add', 'events'])
    git(path, ['commit', '--quiet', '-m', 'By hand'])
    await log.waitFor(2, { signal: AbortSignal.timeout(5000) })
    expect(log.state(balances).get('a')).toBe(8)
    await expect.poll(() => notices).toMatchObject([{ kind: 'adopted', first: 2, count: 1 }])
    expect(await log.append('a', [deposited(1)], { expectedVersion: 2, ack: 'committed' })).toMatchObject({
      position: 3,
    })
    await log.close()
    expect(gitText(path, 'status', '--porcelain')).toBe('')
  })
})

it('a pull into a clone with a work tree brings its files along', async () => {
  const remote = bareRepository()
  const { log } = await newLog({ remote })
  await using _ = log
  await log.append('a', [deposited(1)], { ack: 'pushed' })
  const path = join(temporaryDirectory(), 'copy')
  await using copy = await clone(remote, path, { workTree: true })
  await log.append('a', [deposited(2)], { ack: 'pushed' })
  expect(await copy.pull()).toMatchObject({ from: 1, to: 2 })
  await cleanStatus(path)
  expect(gitText(path, 'ls-files', 'events').split('\n')).toHaveLength(2)
})

it('a rewritten branch is reported, and the image is rebuilt from the last common event', async () => {
  const { log, path } = await newLog()
  await log.append('a', [deposited(1)], { ack: 'committed' })
  const kept = gitText(path, 'rev-parse', 'main')
  await log.append('a', [deposited(10)], { ack: 'committed' })
  await log.close()
  const notices: Notice[] = []
  await using reader = await open(path, {
    projections: [balances],
    readOnly: true,
    onNotice: (notice) => notices.push(notice),
  })
  expect(reader.state(balances).get('a')).toBe(11)
  git(path, ['update-ref', 'refs/heads/main', kept])
  {
    await using writer = await open(path)
    await writer.append('a', [deposited(5)], { ack: 'committed' })
  }
  const isRewritten = () => reader.state(balances).get('a') === 6
  await expect.poll(isRewritten, { timeout: 5000 }).toBe(true)
  expect(notices).toContainEqual(expect.objectContaining({ kind: 'rewritten', commonPosition: 1 }))
})

it('one signal ends any number of waits and reads, and Node takes them for no leak', async () => {
  await using log = (await newLog()).log
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  const controller = new AbortController()
  const { signal } = controller
  const read = async () => {
    for await (const event of log.read({ follow: true, signal })) expect(event.position).toBe(1)
  }
  const ended = Array.from({ length: 500 }, () => [log.waitFor(2, { signal }), read()]).flat()
  const outcomes = Promise.allSettled(ended)
  await log.append('account-1', [deposited(1)])
  controller.abort(new Error('enough'))
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { message: 'enough' } })
  expect(warnings).toEqual([])
})

it('status counts many streams without a look at each of them', async () => {
  await using log = (await newLog()).log
  const appends = Array.from({ length: 20_000 }, (_, at) => ({ stream: `a-${at}`, events: [deposited(1)] }))
  await log.append(appends)
  expect(log.status().streams).toBe(20_000)
  const quickest = (call: () => unknown) =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const start = performance.now()
        call()
        return performance.now() - start
      }),
    )
  expect(quickest(() => log.status())).toBeLessThan(quickest(() => log.streams()) / 10)
})

it('status says where image, journal and branch stand', async () => {
  const broken = projection({
    name: 'broken',
    version: 1,
    init: () => 0,
    when: {
      MoneyDeposited: () => {
        throw new Error('no')
      },
    },
  })
  const path = join(temporaryDirectory(), 'log.git')
  await using log = await open(path, { projections: [balances, broken], seal: { afterMs: 60_000 } })
  await log.append('a', [deposited(1)])
  expect(log.status()).toMatchObject({
    events: 1,
    streams: 1,
    unsealed: 1,
    positions: { image: 1, journal: 1, branch: 0 },
    projections: [
      { name: 'balances', position: 1 },
      { name: 'broken', stopped: { position: 1, reason: 'no' } },
    ],
  })
  expect(() => log.state(broken)).toThrow(expect.objectContaining({ code: 'projection-stopped' }))
  await log.seal()
  expect(log.status()).toMatchObject({ unsealed: 0, positions: { branch: 1 } })
  expect(await log.verify()).toMatchObject({ isSound: true, findings: [] })
})

it('a log in YAML is sealed as YAML, and reads the same', async () => {
  const path = join(temporaryDirectory(), 'log.git')
  const log = await open(path, { codec: 'yaml' })
  await log.append('a', [
    deposited(1),
    { type: 'Noted', data: 'yes', tags: ['t'], metadata: { actor: 'no' } },
  ])
  const before = await collect(log.read())
  await log.close()
  expect(gitText(path, 'ls-tree', '-r', '--name-only', 'main', 'events/')).toBe(
    'events/000000/000000000001.yaml',
  )
  await using again = await open(path)
  expect(await collect(again.read())).toEqual(before)
})

async function newLog(options: { remote?: string } = {}): Promise<{ log: Log; path: string }> {
  const path = join(temporaryDirectory(), 'log.git')
  return { log: await open(path, { projections: [balances], ...options }), path }
}

async function cleanStatus(path: string): Promise<void> {
  await expect.poll(() => gitText(path, 'status', '--porcelain'), { timeout: 5000 }).toBe('')
}

async function collect(events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

async function amounts(events: AsyncIterable<RecordedEvent>): Promise<unknown[]> {
  return (await collect(events)).map(({ data }) => (data as { amount?: number }).amount)
}

it('goes on when the function that is told of notices throws, which is uncaught', async () => {
  const uncaught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  })
  const failing = projection({
    name: 'failing',
    version: 1,
    init: () => 0,
    when: {
      Opened() {
        throw new Error('no such thing')
      },
    },
  })
  const thrown = new Error('a bug of the user')
  await using log = await open(join(temporaryDirectory(), 'bank.git'), {
    projections: [failing],
    onNotice: () => {
      throw thrown
    },
  })
  await expect(log.append('a', [{ type: 'Opened', data: {} }])).resolves.toMatchObject({ position: 1 })
  await expect(log.append('a', [{ type: 'Closed', data: {} }])).resolves.toMatchObject({ position: 2 })
  expect(uncaught).toEqual([thrown])
})
