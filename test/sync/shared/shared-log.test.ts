import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { NewEvent } from '../../../src/event/event.ts'
import { projection } from '../../../src/image/projection.ts'
import { ConcurrencyError, DuplicateIdError } from '../../../src/log/errors.ts'
import type { Notice } from '../../../src/log/log-state.ts'
import { open } from '../../../src/memoir.ts'
import type { SharedLog } from '../../../src/shared-log.ts'
import {
  HistoryForkedError,
  NotConfirmedError,
  RemoteEmptiedError,
  RemoteRewoundError,
  RemoteRewrittenError,
} from '../../../src/sync/errors.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { event, fsck, gitText, temporaryFolder } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { SharedRemote } from './shared-fixture.ts'

const counted = projection({
  name: 'counted',
  version: 1,
  init: () => ({ numbers: [] as number[] }),
  when: {
    Counted: ({ numbers }, { data }) => void numbers.push((data as { number: number }).number),
  },
})

/** A file system that lets the first object that is written wait. */
class WritingStops {
  private isArmed = false
  private reached = () => {}
  private proceed = Promise.resolve()
  goOn = () => {}

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: async (path, flags, mode) => {
      if (this.isArmed && path.includes('/objects/')) {
        this.isArmed = false
        this.reached()
        await this.proceed
      }
      return nodeFileSystem.open(path, flags, mode)
    },
  }

  /** Resolves once an object waits. */
  stop(): Promise<void> {
    this.isArmed = true
    this.proceed = new Promise((resolve) => {
      this.goOn = resolve
    })
    return new Promise((resolve) => {
      this.reached = resolve
    })
  }
}

const withId = (number: number, id = `id-${number}`): NewEvent => event(number, { id })

async function numbersOf(log: SharedLog): Promise<unknown[]> {
  const numbers: unknown[] = []
  for await (const { data } of log.read()) numbers.push((data as { number: number }).number)
  return numbers
}

describe('an append', () => {
  test('has its place in the one log of all writers', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left', { projections: [counted] })
    const right = await remote.open('right', { projections: [counted] })
    expect(await left.append('a', [event(1)])).toMatchObject({ version: 1, position: 1 })
    expect(await right.append('a', [event(2), event(3)])).toMatchObject({ version: 3, firstPosition: 2 })
    expect(right.state(counted).numbers).toEqual([1, 2, 3])
    await left.pull()
    expect(left.state(counted).numbers).toEqual([1, 2, 3])
  })

  test('names the commit that the remote has', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const { commit } = await log.append('a', [event(1)])
    expect(commit).toBe(remote.head)
  })

  test('shares its push with all that wait at the same time', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const before = remote.commits
    await Promise.all(Array.from({ length: 100 }, (_, number) => log.append(`s${number}`, [event(number)])))
    expect(remote.commits - before).toBeLessThanOrEqual(2)
    expect(await numbersOf(log)).toEqual(Array.from({ length: 100 }, (_, number) => number))
  })

  test('holds on those of the same process that it follows, before the remote has them', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const results = await Promise.all([
      log.append('a', [event(1)], { expectedVersion: 'no-stream' }),
      log.append('a', [event(2)], { expectedVersion: 1 }),
      log.append('a', [event(3)], { expectedVersion: 2 }),
    ])
    expect(results.map(({ version }) => version)).toEqual([1, 2, 3])
  })

  test('is refused when another writer broke its expected version, and only that one', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left')
    const right = await remote.open('right')
    await left.append('a', [event(1)], { expectedVersion: 'no-stream' })
    const [broken, other] = await Promise.allSettled([
      right.append('a', [event(2)], { expectedVersion: 'no-stream' }),
      right.append('b', [event(3)], { expectedVersion: 'no-stream' }),
    ])
    expect(broken).toMatchObject({ status: 'rejected', reason: expect.any(ConcurrencyError) })
    expect(other).toMatchObject({ status: 'fulfilled', value: { position: 2 } })
  })

  test('is refused when another writer broke its query', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left')
    const right = await remote.open('right')
    await left.append('a', [event(1, { tags: ['seat:7'] })])
    const condition = { query: { tags: ['seat:7'] }, after: 0 }
    await expect(right.append('b', [event(2)], { condition })).rejects.toThrow(ConcurrencyError)
    await right.append('b', [event(2)], { condition: { ...condition, after: 1 } })
  })

  test('is not refused for what is old here: what it rests on may be on the remote already', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left')
    const right = await remote.open('right')
    await left.append('a', [event(1)])
    expect(await right.append('a', [event(2)], { expectedVersion: 1 })).toMatchObject({ version: 2 })
  })

  test('is not refused for one that waits with it and does not come to be', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left')
    const right = await remote.open('right')
    await left.append('gate', [event(0)])
    // Here, as long as the gate is thought to be missing, the first one stands in the way of the second.
    const [first, second] = await Promise.allSettled([
      right.append([
        { stream: 'gate', events: [event(1)], expectedVersion: 'no-stream' },
        { stream: 'a', events: [event(2)] },
      ]),
      right.append('a', [event(3)], { expectedVersion: 'no-stream' }),
    ])
    expect(first.status).toBe('rejected')
    expect(second).toMatchObject({ status: 'fulfilled', value: { version: 1 } })
  })

  test('of many writers at once is stored once, in one order for all', async () => {
    const remote = await SharedRemote.create()
    const logs = await Promise.all(['a', 'b', 'c'].map((name) => remote.open(name)))
    await Promise.all(
      logs.flatMap((log, writer) =>
        Array.from({ length: 20 }, (_, at) => log.append(`s${at % 4}`, [event(writer * 100 + at)])),
      ),
    )
    await Promise.all(logs.map((log) => log.pull()))
    const orders = await Promise.all(logs.map(numbersOf))
    expect(new Set(orders[0])).toHaveLength(60)
    expect(orders[1]).toEqual(orders[0])
    expect(orders[2]).toEqual(orders[0])
    expect((await logs[0]!.verify()).findings).toEqual([])
    expect(fsck(remote.path)).toBe('')
  })
})

test.each([
  ['a path', ''],
  ['file://', 'file://'],
])('writers that reach the remote as a folder, by %s, lose no push to each other', async (_, scheme) => {
  const remote = await SharedRemote.create()
  const names = ['a', 'b', 'c']
  const address = `${scheme}${remote.path}`
  const logs = await Promise.all(names.map((name) => remote.open(name, { remote: address })))
  await Promise.all(
    logs.map(async (log, writer) => {
      for (let at = 0; at < 6; at++) await log.append('s', [event(writer * 100 + at)])
    }),
  )
  for (const name of names) {
    // The commit of a push that was lost is left over.
    expect(gitText(`${remote.folder}/${name}.git`, 'fsck', '--unreachable')).not.toContain('commit')
  }
})

describe('a repeated append', () => {
  test('succeeds with its first result, whichever writer made it', async () => {
    const remote = await SharedRemote.create()
    const left = await remote.open('left')
    const right = await remote.open('right')
    const first = await left.append('a', [withId(1), withId(2)], { expectedVersion: 'no-stream' })
    const again = await right.append('a', [withId(1), withId(2)], { expectedVersion: 'no-stream' })
    expect(again).toMatchObject({ position: first.position, version: 2, ids: first.ids })
    expect(await numbersOf(right)).toEqual([1, 2])
  })

  test('made twice at the same time is stored once', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const results = await Promise.all([1, 2, 3].map(() => log.append('a', [withId(1)])))
    expect(results.map(({ position }) => position)).toEqual([1, 1, 1])
    expect(await numbersOf(log)).toEqual([1])
  })

  test('of two writers at the same time is stored once', async () => {
    const remote = await SharedRemote.create()
    const logs = await Promise.all([remote.open('left'), remote.open('right')])
    const results = await Promise.all(logs.map((log) => log.append('a', [withId(1)])))
    expect(results.map(({ position }) => position)).toEqual([1, 1])
  })

  test('with some of its ids is refused', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    await log.append('a', [withId(1)])
    await expect(log.append('a', [withId(1), withId(2)])).rejects.toThrow(DuplicateIdError)
  })
})

describe('a push whose outcome is not known', () => {
  /** What receive-pack was started by: the git that pushes, here. */
  const killPusher = 'kill -9 $(ps -o ppid= -p $PPID)'

  test('and that arrived is found, and the append confirmed once', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.hookOnce('post-receive', killPusher)
    expect(await log.append('a', [event(1)])).toMatchObject({ position: 1, commit: remote.head })
    expect(await numbersOf(log)).toEqual([1])
    expect(remote.hasRun).toBe(true)
  })

  test('and that did not arrive is made again', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.hookOnce('pre-receive', 'kill -9 $PPID')
    expect(await log.append('a', [event(1)])).toMatchObject({ position: 1 })
    expect(await numbersOf(log)).toEqual([1])
    expect(remote.hasRun).toBe(true)
  })

  test('is told from its commit by a process that comes later', async () => {
    const remote = await SharedRemote.create()
    await (await remote.open('one')).close()
    remote.copy('one', 'crashed')
    const log = await remote.open('one')
    const first = await log.append('a', [withId(1)], { expectedVersion: 'no-stream' })
    // As after a crash between the push and its confirmation: the clone knows nothing of it.
    const later = await remote.open('crashed')
    const again = await later.append('a', [withId(1)], { expectedVersion: 'no-stream' })
    expect(again.position).toBe(first.position)
    expect(await numbersOf(later)).toEqual([1])
  })
})

describe('a remote that cannot be reached', () => {
  test('is waited for', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    const appended = log.append('a', [event(1)])
    await expect(log.push()).rejects.toMatchObject({ code: 'remote-failed' })
    expect(log.status().shared).toMatchObject({ provisional: 1, failure: { code: 'remote-failed' } })
    remote.mend('one')
    expect(await appended).toMatchObject({ position: 1 })
    expect(log.status().shared).toMatchObject({ provisional: 0, failure: undefined })
  })

  test('is waited for no longer than patience says, and nothing is stored later', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one', { shared: { patienceMs: 1500, fetchMs: 3_600_000 } })
    remote.cut('one')
    const failed = log.append('a', [event(1)])
    await expect(failed).rejects.toThrow(NotConfirmedError)
    await expect(failed).rejects.toMatchObject({ mayBeStored: false })
    expect(log.status().shared?.provisional).toBe(0)
    remote.mend('one')
    await log.pull()
    await log.append('a', [event(2)])
    expect(await numbersOf(log)).toEqual([2])
  })

  test('need not be waited for: a push that nobody wants is cut off', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const before = remote.head
    remote.hookOnce('pre-receive', 'exec tail -f /dev/null')
    const controller = new AbortController()
    const failed = log.append('a', [withId(1)], { signal: controller.signal }).catch((error) => error)
    await expect.poll(() => remote.hasRun, { timeout: 20_000 }).toBe(true)
    controller.abort(new Error('enough'))
    expect(await failed).toMatchObject({
      code: 'not-confirmed',
      mayBeStored: true,
      cause: { message: 'enough' },
    })
    expect(remote.head).toBe(before)
    // The remote is there for the next one at once.
    expect(await log.append('a', [withId(2)])).toMatchObject({ position: 1 })
    expect(await numbersOf(log)).toEqual([2])
    expect(log.status().shared?.failure).toBeUndefined()
  })

  test('cuts off no push that another append is in', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const { path } = remote
    remote.hookOnce('pre-receive', `while [ ! -e ${path}/go ]; do sleep 0.01; done`)
    const controller = new AbortController()
    const failed = log.append('a', [withId(1)], { signal: controller.signal }).catch((error) => error)
    const other = log.append('b', [withId(2)])
    await expect.poll(() => remote.hasRun, { timeout: 20_000 }).toBe(true)
    controller.abort(new Error('enough'))
    expect(await failed).toMatchObject({ mayBeStored: true })
    expect(log.status().shared?.provisional).toBe(2)
    writeFileSync(`${path}/go`, '')
    expect(await other).toMatchObject({ position: 2 })
    expect(await numbersOf(log)).toEqual([1, 2])
  })

  test('never gets what was given up while its commit was written', async () => {
    const remote = await SharedRemote.create()
    const writing = new WritingStops()
    const log = await remote.open('one', { ports: { fileSystem: writing.fileSystem } })
    const controller = new AbortController()
    const stopped = writing.stop()
    const failed = log.append('a', [event(1)], { signal: controller.signal }).catch((error) => error)
    await stopped
    const other = log.append('b', [event(2)])
    controller.abort(new Error('enough'))
    expect(await failed).toMatchObject({ code: 'not-confirmed', mayBeStored: false })
    writing.goOn()
    expect(await other).toMatchObject({ position: 1 })
    expect(await numbersOf(log)).toEqual([2])
  })

  test('does not keep the log from being opened and read', async () => {
    const remote = await SharedRemote.create()
    const before = await remote.open('one')
    await before.append('a', [event(1)])
    await before.close()
    remote.cut('one')
    const log = await remote.open('one')
    expect(await numbersOf(log)).toEqual([1])
    expect(log.status().shared?.failure).toMatchObject({ code: 'remote-failed' })
  })

  test('that takes no push, though nobody else pushes, is tried ever more rarely, and says so', async () => {
    const remote = await SharedRemote.create()
    const { path } = remote
    const notices: Notice[] = []
    const log = await remote.open('one', { onNotice: (notice) => notices.push(notice) })
    remote.hook('pre-receive', `echo push >> ${path}/pushes`)
    writeFileSync(`${path}/refs/heads/main.lock`, '')
    const append = log.append('a', [event(1)])
    const failure = { code: 'remote-failed', kind: 'unknown' }
    await expect.poll(() => log.status().shared?.failure, { timeout: 20_000 }).toMatchObject(failure)
    await expect(log.push()).rejects.toMatchObject({ ...failure, hint: expect.stringContaining('lock') })
    expect(readFileSync(`${path}/pushes`, 'utf8').split('\n').length - 1).toBeLessThan(10)
    expect(notices.filter(({ kind }) => kind === 'remote-failed')).toHaveLength(1)
    rmSync(`${path}/refs/heads/main.lock`)
    expect(await append).toMatchObject({ position: 1 })
    expect(log.status().shared?.failure).toBeUndefined()
  })

  test('that refuses says so at once, and nothing is stored', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.hookOnce('pre-receive', 'exit 1')
    await expect(log.append('a', [event(1)])).rejects.toMatchObject({ kind: 'refused' })
    expect(log.status().shared?.provisional).toBe(0)
    await log.append('a', [event(2)])
    expect(await numbersOf(log)).toEqual([2])
  })
})

describe('an append that does not wait for the remote', () => {
  test('is accepted without a position, and confirmed when the remote is back', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one', { projections: [counted] })
    remote.cut('one')
    const result = await log.append('a', [withId(1)], { ack: 'committed' })
    expect(result).toEqual({ isProvisional: true, ids: ['id-1'] })
    expect(log.state(counted).numbers).toEqual([])
    remote.mend('one')
    await log.push()
    expect(log.state(counted).numbers).toEqual([1])
  })

  test('is held against what waits here already', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    await log.append('a', [event(1)], { ack: 'committed', expectedVersion: 'no-stream' })
    await log.append('a', [event(2)], { ack: 'committed', expectedVersion: 1 })
    const broken = log.append('a', [event(3)], { ack: 'committed', expectedVersion: 1 })
    await expect(broken).rejects.toThrow(ConcurrencyError)
    remote.mend('one')
    await log.push()
    expect(await numbersOf(log)).toEqual([1, 2])
    expect(log.conflicts()).toEqual([])
  })

  test('is not pushed before it is safe here: it is refused where it cannot be, and nothing is stored', async () => {
    const remote = await SharedRemote.create()
    const writing = new WritingStops()
    const fileSystem = new FaultyFileSystem(writing.fileSystem)
    const log = await remote.open('one', { ports: { fileSystem } })
    const controller = new AbortController()
    const stopped = writing.stop()
    const given = log.append('a', [event(1)], { signal: controller.signal }).catch((error) => error)
    await stopped
    // Placed anew, since the first one is given up, while the outbox waits for its turn.
    const other = log.append('b', [event(2)])
    const refused = log.append('c', [event(3)], { ack: 'committed' }).catch((error) => error)
    const last = log.append('d', [event(4)])
    fileSystem.fail({
      on: ({ method, path }) => method === 'write' && path.includes('/outbox/'),
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    controller.abort()
    writing.goOn()
    expect(await given).toMatchObject({ code: 'not-confirmed', mayBeStored: false })
    expect(await refused).toMatchObject({ code: 'journal-full' })
    await Promise.all([other, last])
    expect(await numbersOf(log)).toEqual([2, 4])
  })

  test('outlasts the end of its process', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    await log.append('a', [event(1)], { ack: 'committed' })
    // Copied as it lies there: as if the process had been killed.
    remote.copy('one', 'crashed')
    const later = await remote.open('crashed')
    await later.push()
    expect(await numbersOf(later)).toEqual([1])
    // The first process pushes it too: it is there already.
    remote.mend('one')
    await log.push()
    expect(await numbersOf(log)).toEqual([1])
    expect(log.status().shared).toMatchObject({ provisional: 0, conflicts: 0 })
  })

  test('is pushed by a later process whatever its caller made it of', async () => {
    class Noted {
      get type() {
        return 'Counted'
      }
      get data() {
        return { number: 1 }
      }
    }
    const remote = await SharedRemote.create()
    const one = await remote.open('one')
    remote.cut('one')
    await one.append('a', [new Noted()], { ack: 'committed' })
    expect(one.pending()[0]?.appends[0]?.events).toMatchObject([{ type: 'Counted', data: { number: 1 } }])
    await one.close()
    remote.mend('one')
    const again = await remote.open('one')
    await again.push()
    expect(await numbersOf(again)).toEqual([1])
  })

  test('is pushed by a process that would not have accepted it for its size', async () => {
    const remote = await SharedRemote.create()
    const one = await remote.open('one')
    remote.cut('one')
    await one.append('a', [event(1)], { ack: 'committed' })
    await one.close()
    remote.mend('one')
    const again = await remote.open('one', { limits: { eventBytes: 10 } })
    await again.push()
    expect(await numbersOf(again)).toEqual([1])
  })

  test('closes without the remote, and is pushed by the next process', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    await log.append('a', [event(1)], { ack: 'committed' })
    await log.close()
    const offline = await remote.open('one')
    await offline.append('a', [event(2)], { ack: 'committed', expectedVersion: 1 })
    await offline.close()
    remote.mend('one')
    const online = await remote.open('one')
    await online.push()
    expect(await numbersOf(online)).toEqual([1, 2])
  })
})

describe('a conflict', () => {
  /** A clone that took a seat offline which somebody else has taken on the remote. */
  async function conflicting(): Promise<{ remote: SharedRemote; log: SharedLog; other: SharedLog }> {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    const other = await remote.open('other')
    remote.cut('one')
    await log.append('seat', [withId(1)], { ack: 'committed', expectedVersion: 'no-stream' })
    await log.append('seat', [withId(2)], { ack: 'committed', expectedVersion: 1 })
    await log.append('fine', [withId(3)], { ack: 'committed', expectedVersion: 'no-stream' })
    await other.append('seat', [event(9)], { expectedVersion: 'no-stream' })
    await other.append('seat', [event(10)])
    remote.mend('one')
    await log.push()
    return { remote, log, other }
  }

  test('is what did not hold on the remote, with its events and the reason', async () => {
    const { log } = await conflicting()
    expect(await numbersOf(log)).toEqual([9, 10, 3])
    expect(log.conflicts()).toMatchObject([
      {
        appends: [{ stream: 'seat', expectedVersion: 'no-stream', events: [withId(1)] }],
        reason: { code: 'concurrency' },
      },
      { appends: [{ stream: 'seat', expectedVersion: 1, events: [withId(2)] }] },
    ])
    expect(log.status().shared).toMatchObject({ provisional: 0, conflicts: 2 })
  })

  test('that the disk has no room for is decided again until it is kept', async () => {
    const remote = await SharedRemote.create()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const one = await remote.open('one', { ports: { fileSystem } })
    const two = await remote.open('two')
    await two.append('a', [event(1)])
    await one.append('a', [event(2)], { ack: 'committed', expectedVersion: 'no-stream' })
    fileSystem.fail({
      on: ({ method, path }) => method === 'write' && path.includes('/outbox/'),
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    await one.push().catch(() => undefined)
    await one.push()
    expect(one.conflicts()).toMatchObject([{ reason: { code: 'concurrency' } }])
  })

  test('is still there after a restart', async () => {
    const { remote, log } = await conflicting()
    const before = log.conflicts()
    await log.close()
    const later = await remote.open('one')
    await later.push()
    expect(later.conflicts()).toEqual(before)
  })

  test('is retried with other conditions, and gone then', async () => {
    const { log } = await conflicting()
    const [first] = log.conflicts()
    const appends = first!.appends.map((one) => ({ ...one, expectedVersion: 2 }))
    expect(await log.retryConflict(first!.id, { appends })).toMatchObject({ version: 3 })
    expect(await numbersOf(log)).toEqual([9, 10, 3, 1])
    expect(log.conflicts()).toHaveLength(1)
  })

  test('is not retried with what is no append', async () => {
    const { log } = await conflicting()
    const [first] = log.conflicts()
    const misspelt = { ...first!.appends[0], expected: 2 }
    for (const append of [null, 'seat', misspelt]) {
      const retried = log.retryConflict(first!.id, { appends: [append as never] })
      await expect(retried).rejects.toMatchObject({ code: 'usage' })
    }
    expect(log.conflicts()).toHaveLength(2)
  })

  test('that is retried in vain stays', async () => {
    const { log } = await conflicting()
    const [first] = log.conflicts()
    await expect(log.retryConflict(first!.id)).rejects.toThrow(ConcurrencyError)
    expect(log.conflicts()).toHaveLength(2)
  })

  test('that is dropped never comes back', async () => {
    const { remote, log } = await conflicting()
    for (const { id } of log.conflicts()) await log.dropConflict(id)
    remote.copy('one', 'crashed')
    expect(log.conflicts()).toEqual([])
    const later = await remote.open('crashed')
    await later.push()
    expect(later.conflicts()).toEqual([])
    expect(await numbersOf(later)).toEqual([9, 10, 3])
    await expect(later.dropConflict('none')).rejects.toMatchObject({ code: 'conflict-not-found' })
  })
})

describe('opening', () => {
  test('pushes what the clone holds of a time when it was the only writer', async () => {
    const remote = await SharedRemote.create()
    await (await remote.open('one')).close()
    const alone = await open(`${remote.folder}/one.git`)
    await alone.append('a', [event(1)])
    await alone.close()
    const log = await remote.open('one')
    expect(log.status().commit).toBe(remote.head)
  })

  test('refuses a clone whose history is another than that of the remote', async () => {
    const remote = await SharedRemote.create()
    await (await remote.open('one')).close()
    const alone = await open(`${remote.folder}/one.git`)
    await alone.append('a', [event(1)])
    await alone.close()
    await (await remote.open('other')).append('b', [event(2)])
    await expect(remote.open('one')).rejects.toThrow(HistoryForkedError)
  })

  test('says of its remote, by each of its names, that it has what is confirmed, also to the next process', async () => {
    const remote = await SharedRemote.create()
    const way = `${remote.folder}/way-of-one`
    await (await remote.open('one')).close()
    const here = { unpushed: { events: 0, commits: 0 }, pushedAt: expect.stringMatching(/^2/) }
    for (const [name, position] of [['origin', 1] as const, [way, 2] as const]) {
      const log = await remote.open('one', { remote: name })
      const { commit } = await log.append('seat', [event(position)])
      const head = { position, commit }
      const { heads, remotes } = log.status()
      expect(heads.remote).toEqual(head)
      expect(remotes).toHaveLength(2)
      for (const one of remotes) expect(one).toMatchObject({ ...here, head })
      await log.close()
      await using reader = await open(`${remote.folder}/one.git`, { readOnly: true, watch: false })
      for (const one of reader.status().remotes) expect(one).toMatchObject({ ...here, head })
    }
  })

  test('refuses a remote of another log, also where this one was confirmed before', async () => {
    const remote = await SharedRemote.create()
    const other = await SharedRemote.create()
    await (await remote.open('one')).close()
    await expect(remote.open('one', { remote: other.path })).rejects.toMatchObject({ code: 'other-log' })
  })

  test('a clone of a remote that is silent ends with its signal, and leaves nothing', async () => {
    const folder = temporaryFolder()
    const controller = new AbortController()
    await using host = createServer(() => controller.abort(new Error('enough'))).listen(0, '127.0.0.1')
    await once(host, 'listening')
    const { port } = host.address() as AddressInfo
    const { signal } = controller
    const remote = `http://127.0.0.1:${port}/log.git`
    const opened = open(`${folder}/one.git`, { mode: 'shared', remote, signal })
    await expect(opened).rejects.toThrow('enough')
    host.closeAllConnections()
    expect(readdirSync(folder)).toEqual([])
  })

  test('refuses a remote without a log', async () => {
    const remote = await SharedRemote.create()
    rmSync(`${remote.path}/refs/heads/main`)
    await expect(remote.open('one')).rejects.toMatchObject({ code: 'not-a-log' })
  })
})

test('a merge that somebody pushed is refused by name, and nothing of it is taken in', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  await log.append('a', [event(1)])
  const side = gitText(remote.path, 'commit-tree', '-p', 'HEAD', '-m', 'Side', 'HEAD^{tree}').trim()
  const merge = gitText(
    remote.path,
    'commit-tree',
    '-p',
    'HEAD',
    '-p',
    side,
    '-m',
    'Merge',
    'HEAD^{tree}',
  ).trim()
  const before = log.status().commit
  gitText(remote.path, 'update-ref', 'HEAD', merge)
  await expect(log.pull()).rejects.toMatchObject({ code: 'merge-commit', commit: merge })
  expect(log.status().commit).toBe(before)
})

describe('a remote that has lost what it had confirmed', () => {
  test('takes nothing before it is put right, and says so to all who ask', async () => {
    const remote = await SharedRemote.create()
    const notices: Notice[] = []
    const log = await remote.open('one', { onNotice: (notice) => notices.push(notice) })
    await log.append('a', [event(1)])
    const rewoundTo = remote.head
    await log.append('a', [event(2)])
    remote.rewind(rewoundTo)
    await expect(log.append('a', [event(3)])).rejects.toThrow(RemoteRewoundError)
    await expect(log.pull()).rejects.toThrow(RemoteRewoundError)
    expect(remote.head).toBe(rewoundTo)
    expect(log.status().shared?.failure).toMatchObject({ code: 'remote-rewound' })
    expect(notices).toContainEqual({ kind: 'remote-failed', error: expect.any(RemoteRewoundError) })
    expect(await numbersOf(log)).toEqual([1, 2])
  })

  test('is found out by a process that comes later, and keeps what was accepted without it', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    await log.append('a', [event(1)])
    const rewoundTo = remote.head
    await log.append('a', [event(2)])
    remote.cut('one')
    await log.append('a', [event(3)], { ack: 'committed' })
    await log.close()
    remote.mend('one')
    remote.rewind(rewoundTo)
    await expect(remote.open('one')).rejects.toThrow(RemoteRewoundError)
    expect(remote.head).toBe(rewoundTo)

    // The way out: the clone that knows most gives it back.
    const whole = await open(`${remote.folder}/one.git`, { remote: remote.path })
    await whole.push()
    await whole.close()
    const later = await remote.open('one')
    await later.push()
    expect(await numbersOf(later)).toEqual([1, 2, 3])
  })

  test('is no loss to a clone that has given it up', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    await log.append('a', [event(1)])
    const rewoundTo = remote.head
    await log.append('a', [event(2)])
    await log.close()
    remote.rewind(rewoundTo)
    const path = `${remote.folder}/one.git`
    gitText(path, 'update-ref', 'HEAD', rewoundTo)
    const alone = await open(path)
    await alone.append('a', [event(3)], { ack: 'committed' })
    await alone.close()
    const later = await remote.open('one')
    expect(await numbersOf(later)).toEqual([1, 3])
    expect(remote.head).toBe(later.status().commit)
  })

  test('and went on without it is told from one that was forked', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    await log.append('a', [event(1)])
    const rewoundTo = remote.head
    await log.append('a', [event(2)])
    remote.rewind(rewoundTo)
    const other = await remote.open('other')
    await other.append('a', [event(9)])
    await expect(log.append('a', [event(3)])).rejects.toThrow(RemoteRewrittenError)
    expect(await numbersOf(log)).toEqual([1, 2])
  })

  test('and the whole branch is told from one that never had it', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    await log.append('a', [event(1)])
    gitText(remote.path, 'update-ref', '-d', gitText(remote.path, 'symbolic-ref', 'HEAD'))
    await expect(log.append('a', [event(2)])).rejects.toThrow(RemoteEmptiedError)
  })
})
