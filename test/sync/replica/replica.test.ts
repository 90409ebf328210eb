import { once } from 'node:events'
import { mkdirSync, renameSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { follow } from '../../../src/follow.ts'
import { open } from '../../../src/memoir.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { until } from '../../log/event-log-fixture.ts'
import { fsck, git } from '../../repository/real-git.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { BY_HAND, balances, depositTo, Scene, soon } from './replica-fixture.ts'

const QUICK = { fileEvents: false, poll: { fastestMs: 20, slowestMs: 50 } }

describe('a replica', () => {
  test('is made by the first call, with all events and a state of its own', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    const replica = await scene.follow()
    expect(replica.state(balances)).toEqual(new Map([['account', 6]]))
    expect(scene.head(scene.path)).toBe(scene.head())
    expect(fsck(scene.path)).toBe('')
  })

  test('is made by one of those who follow to one place at once, and the others leave it alone', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    const ended = await Promise.allSettled([1, 2, 3].map(() => scene.follow(BY_HAND)))
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(scene.head(scene.path)).toBe(scene.head())
    expect(fsck(scene.path)).toBe('')
  })

  test('sees by file events what comes to a remote on this machine, long before the poll', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow({ poll: BY_HAND.poll! })
    await until(() => replica.status().replica.phase === 'idle')
    const position = await scene.deposit(2)
    await replica.waitFor(position, soon(5000))
    expect(replica.state(balances)).toEqual(new Map([['account', 3]]))
  })

  test('sees on the poll what comes to any remote', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(QUICK)
    await replica.waitFor(await scene.deposit(2), soon())
    expect(replica.state(balances)).toEqual(new Map([['account', 3]]))
  })

  test('looks at once when it is poked, however slow its poll is', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(BY_HAND)
    await until(() => replica.status().replica.phase === 'idle')
    const position = await scene.deposit(2)
    replica.poke()
    await replica.waitFor(position, soon())
  })

  test('takes in a hundred commits at once, batch by batch', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(BY_HAND)
    await scene.deposit(...Array.from({ length: 100 }, () => 1))
    expect(await replica.pull()).toMatchObject({ from: 1, to: 101 })
    expect(replica.state(balances)).toEqual(new Map([['account', 101]]))
    expect(replica.status().replica).toMatchObject({ phase: 'idle', lag: { events: 0, commits: 0 } })
  })

  test('answers reads while the remote is away, says what is wrong, and catches up when it is back', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(QUICK)
    const away = `${scene.remote}.away`
    renameSync(scene.remote, away)
    await until(() => replica.status().replica.phase === 'backing-off')
    expect(replica.state(balances)).toEqual(new Map([['account', 1]]))
    expect((await replica.event(1)).data).toEqual({ amount: 1 })
    expect(replica.status().problem).toMatchObject({ code: 'remote-failed' })
    {
      await using log = await open(away)
      await depositTo(log, 2, 3)
    }
    renameSync(away, scene.remote)
    await replica.waitFor(3, soon())
    await until(() => replica.status().replica.phase === 'idle')
    expect(replica.status()).toMatchObject({ problem: undefined, replica: { failures: 0 } })
    const told = scene.notices.map(({ kind }) => kind).filter((kind) => kind.startsWith('remote-'))
    expect(told).toEqual(['remote-failed', 'remote-back'])
  })

  test('goes on where the disk failed after it had moved the branch', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const replica = await scene.follow({ ...BY_HAND, ports: { fileSystem } })
    await until(() => replica.status().replica.phase === 'idle')
    await scene.deposit(2)
    fileSystem.fail({
      on: ({ method, path }) => method === 'syncDirectory' && path.endsWith('/refs/heads'),
      effect: { kind: 'error', code: 'EIO' },
    })
    await expect(replica.pull()).rejects.toMatchObject({ code: 'file-failed' })
    expect(await replica.pull()).toMatchObject({ from: 1, to: 2 })
    expect(replica.state(balances)).toEqual(new Map([['account', 3]]))
  })

  test('opens without its remote, and catches up later', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    await (await scene.follow()).close()
    await scene.deposit(2, 3)
    const away = `${scene.remote}.away`
    renameSync(scene.remote, away)
    const replica = await scene.follow(QUICK)
    expect(replica.state(balances)).toEqual(new Map([['account', 1]]))
    renameSync(away, scene.remote)
    await replica.waitFor(3, soon())
  })

  test('sees file events again from a remote that was away', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow({ poll: { fastestMs: 20, slowestMs: 3_600_000 } })
    const away = `${scene.remote}.away`
    renameSync(scene.remote, away)
    await until(() => replica.status().replica.phase === 'backing-off')
    renameSync(away, scene.remote)
    replica.poke()
    await until(() => replica.status().replica.phase === 'idle')
    await replica.waitFor(await scene.deposit(2), soon())
  })

  test('is maintained by one process, and read by others meanwhile', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(BY_HAND)
    await expect(scene.follow()).rejects.toMatchObject({ code: 'log-locked' })
    await expect(open(scene.path)).rejects.toMatchObject({ code: 'log-locked' })
    await using reader = await open(scene.path, { readOnly: true, projections: [balances] })
    await scene.deposit(2)
    await replica.pull()
    await reader.waitFor(2, soon())
    expect(reader.state(balances)).toEqual(new Map([['account', 3]]))
  })

  test('closes at any moment, and can be opened again at once', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    for (const turns of [0, 1, 2, 3, 5, 8, 13, 21, 34]) {
      const replica = await scene.follow(QUICK)
      const waits = expect(replica.waitFor(1000)).rejects.toMatchObject({ code: 'log-closed' })
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await replica.close()
      await waits
      expect(replica.status().replica.phase).toBe('closed')
    }
  })

  test('says that it is closed to whoever asks for a look, or waits for one', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(BY_HAND)
    const waiting = replica.pull()
    const ended = expect(waiting).rejects.toMatchObject({ code: 'log-closed' })
    await replica.close()
    await ended
    const closed = { code: 'log-closed' }
    await expect(replica.pull()).rejects.toMatchObject(closed)
    await expect(replica.describeRewrite()).rejects.toMatchObject(closed)
    await expect(replica.acceptRewrite(scene.head())).rejects.toMatchObject(closed)
  })

  test('keeps snapshots, so that it opens without a full replay', async () => {
    const scene = new Scene()
    await scene.deposit(1, 2, 3)
    await (await scene.follow({ snapshot: { everyEvents: 1 } })).close()
    const replayed: number[] = []
    await scene.follow({ onProgress: (done) => replayed.push(done) })
    expect(replayed).toEqual([])
  })

  test('says how far it is behind', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const replica = await scene.follow(BY_HAND)
    await replica.pull()
    expect(replica.status().replica.lag).toMatchObject({ events: 0, commits: 0 })
    expect(replica.status().replica.lag.seconds).toBeLessThan(10)
    expect(replica.status().replica.lastAnswer).toMatch(/^2/)
  })
})

describe('a replica that cannot be made', () => {
  test('leaves nothing behind when the remote is not there', async () => {
    const scene = new Scene()
    await expect(scene.follow()).rejects.toMatchObject({ code: 'remote-failed' })
    await scene.deposit(1)
    await scene.follow()
  })

  test('leaves what another one has made meanwhile in the same empty folder', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    mkdirSync(scene.path)
    const silent = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const failing = follow(`http://127.0.0.1:${port}/log.git`, scene.path, {
      stateDirectory: scene.stateDirectory,
    })
    const failed = expect(failing).rejects.toMatchObject({ code: 'remote-failed' })
    const [, response] = await once(silent, 'request')
    const replica = await scene.follow(BY_HAND)
    response.destroy()
    await failed
    await scene.deposit(2)
    expect(await replica.pull()).toMatchObject({ to: 2 })
    expect(fsck(scene.path)).toBe('')
  })

  test('leaves nothing behind when the remote is empty', async () => {
    const scene = new Scene()
    git(scene.folder, ['init', '--quiet', '--bare', scene.remote])
    await expect(scene.follow()).rejects.toMatchObject({ code: 'remote-branch-missing' })
  })

  test('goes on where an earlier call was cut short before its first fetch', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    git(scene.folder, ['init', '--quiet', '--bare', scene.path])
    const replica = await scene.follow()
    expect(replica.state(balances)).toEqual(new Map([['account', 1]]))
  })
})

test('the lag of a replica goes on when the clock is set back, and knows of time that it slept', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  let setMs = 0
  const clock = { now: () => Date.now() + setMs }
  const replica = await scene.follow({ ...BY_HAND, ports: { clock } })
  await replica.pull()
  setMs = -3_600_000
  const { seconds = 0 } = replica.status().replica.lag
  await expect.poll(() => replica.status().replica.lag.seconds).toBeGreaterThan(seconds)
  expect(replica.status().replica.lag.seconds).toBeGreaterThan(0)
  setMs = 3_600_000
  expect(replica.status().replica.lag.seconds).toBeGreaterThanOrEqual(3600)
})

describe('a replica that is opened while its remote cannot be reached', () => {
  const awayFor = (ms: number) => ({ ...BY_HAND, ports: { clock: { now: () => Date.now() + ms } } })

  test('does not say that nothing is missing, but since when it holds all that the remote had', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    const before = await scene.follow(BY_HAND)
    await before.pull()
    await before.close()
    renameSync(scene.remote, `${scene.remote}.away`)
    const replica = await scene.follow(awayFor(3_600_000))
    expect(replica.status().replica.lag).toMatchObject({ events: undefined, commits: undefined })
    await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-failed' })
    const { lag } = replica.status().replica
    expect(lag).toMatchObject({ events: undefined, commits: undefined })
    expect(lag.seconds).toBeGreaterThanOrEqual(3600)
    expect(lag.seconds).toBeLessThan(3700)
  })

  test('knows of looks of an earlier process that brought nothing', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    await (await scene.follow(BY_HAND)).close()
    const before = await scene.follow(awayFor(3_600_000))
    await before.pull()
    await before.close()
    renameSync(scene.remote, `${scene.remote}.away`)
    const replica = await scene.follow(awayFor(7_200_000))
    await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-failed' })
    expect(replica.status().replica.lag.seconds).toBeLessThan(3700)
  })
})
