import { readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { RecordedEvent } from '../../../src/event/event.ts'
import { Lines } from '../../../src/event/lines.ts'
import { projection } from '../../../src/image/projection.ts'
import { open } from '../../../src/memoir.ts'
import { restore } from '../../../src/restore.ts'
import { compareEvents, compareStates } from '../../../src/sync/backup/comparison.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { storedLine, temporaryFolder } from '../../log/log-fixture.ts'
import { bareRepository, git } from '../../repository/real-git.ts'
import { backUp } from './backup-fixture.ts'

const balances = projection({
  name: 'balances',
  version: 1,
  init: () => new Map<string, { readonly sum: number }>(),
  when: {
    MoneyDeposited(state, { stream, data }: RecordedEvent<'MoneyDeposited', { amount: number }>) {
      state.set(stream, { sum: (state.get(stream)?.sum ?? 0) + data.amount })
    },
  },
})

/** Stops at a deposit of 13. */
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

const deposit = (amount: number) => ({ type: 'MoneyDeposited', data: { amount } })

describe('a drill', () => {
  it('restores the backup, compares events and states, and says what is missing', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'), { projections: [balances] })
    await log.append('account-1', [deposit(1), deposit(2)])
    await log.backup(directory)
    const equal = await log.drill(directory)
    expect(equal).toMatchObject({
      source: directory,
      kind: 'backup',
      isEqual: true,
      differences: [],
      position: 2,
      commit: log.status().commit,
      behind: { events: 0, seconds: 0 },
      projections: ['balances'],
    })
    expect(equal.seconds).toBeGreaterThan(0)
    await log.append('account-2', [deposit(3)])
    expect(await log.drill(directory)).toMatchObject({
      isEqual: true,
      position: 2,
      behind: { events: 1, seconds: expect.any(Number) },
    })
  })

  it('goes on with what the backup has become, where bundles are merged meanwhile', async () => {
    const directory = temporaryFolder()
    const path = join(temporaryFolder(), 'bank.git')
    let merge: (() => Promise<unknown>) | undefined
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async open(file, flags, mode) {
        // The first bundle is read by then.
        if (file === join(directory, '000000000004-000000000004.bundle')) await merge?.()
        return nodeFileSystem.open(file, flags, mode)
      },
    }
    await using log = await open(path, { ports: { fileSystem } })
    await log.append('account-1', [deposit(1), deposit(2), deposit(3)])
    await log.backup(directory)
    await log.append('account-1', [deposit(4)])
    await log.backup(directory)
    merge = async () => {
      merge = undefined
      await log.append('account-1', [deposit(5)], { ack: 'committed' })
      await backUp(path, directory)
    }
    expect(await log.drill(directory)).toMatchObject({ isEqual: true, position: 5 })
  })

  it('does not call a backup damaged where git takes too long to look at it', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'))
    await log.append('account-1', [deposit(1)])
    await log.backup(directory)
    const stopped = { code: 'git-failed', hint: expect.stringContaining('Git was silent for 0.001 s') }
    await expect(log.drill(directory, { timeoutMs: 1 })).rejects.toMatchObject(stopped)
  })

  it('restores the remote as well, the one of the log if none is named', async () => {
    const remote = bareRepository()
    const path = join(temporaryFolder(), 'bank.git')
    await using log = await open(path, { projections: [balances] })
    git(path, ['remote', 'add', 'origin', remote])
    await log.append('account-1', [deposit(1)])
    await log.push()
    expect(await log.drill()).toMatchObject({ source: remote, kind: 'remote', isEqual: true, position: 1 })
    await expect(log.drill(join(remote, 'nowhere'))).rejects.toMatchObject({ code: 'remote-failed' })
  })

  it('takes in what a writer committed meanwhile, before it says that the copy holds more', async () => {
    const directory = temporaryFolder()
    const path = join(temporaryFolder(), 'bank.git')
    await using log = await open(path, { projections: [balances] })
    await log.append('account-1', [deposit(1)], { ack: 'committed' })
    await using reader = await open(path, { projections: [balances], readOnly: true, watch: false })
    await log.append('account-1', [deposit(2)])
    await log.backup(directory)
    expect(await reader.drill(directory)).toMatchObject({ isEqual: true, differences: [], position: 2 })
    expect(reader.state(balances).get('account-1')).toEqual({ sum: 3 })
  })

  it('finds a projection that gives another state when it is rebuilt', async () => {
    let opened = 0
    const impure = projection({
      name: 'impure',
      version: 1,
      init: () => ({ from: ++opened }),
      when: {},
    })
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'), { projections: [balances, impure] })
    await log.append('account-1', [deposit(1)])
    await log.backup(directory)
    expect(await log.drill(directory)).toMatchObject({
      isEqual: false,
      differences: [{ kind: 'projection', projection: 'impure' }],
    })
  })

  it('says that it compared nothing of a projection that stopped here as well as there', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'), { projections: [balances, fragile] })
    await log.append('account-1', [deposit(1), deposit(13), deposit(2)])
    await log.backup(directory)
    const expected = {
      isEqual: false,
      differences: [],
      notCompared: [{ projection: 'fragile', position: 2, message: expect.stringContaining('position 2') }],
      projections: ['balances'],
    }
    expect(await log.drill(directory)).toMatchObject(expected)
    await log.append('account-1', [deposit(3)])
    expect(await log.drill(directory)).toMatchObject(expected)
  })

  it('passes over the events in the copy that were skipped in the log, now and in its past', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'), { projections: [fragile] })
    await log.append('account-1', [deposit(1), deposit(13), deposit(13), deposit(2)])
    await log.resume(fragile, 'skip').catch(() => undefined)
    await log.resume(fragile, 'skip')
    await log.backup(directory)
    const expected = { isEqual: true, differences: [], notCompared: [], projections: ['fragile'] }
    expect(await log.drill(directory)).toMatchObject(expected)
    await log.append('account-1', [deposit(3)])
    expect(await log.drill(directory)).toMatchObject(expected)
    expect(log.state(fragile)).toEqual({ sum: 6 })
  })

  it('compares with the past where the log goes on while the copy passes over what was skipped', async () => {
    const directory = temporaryFolder()
    let goOn = () => {}
    const watched = projection({
      name: 'watched',
      version: 1,
      init: () => ({ sum: 0 }),
      when: {
        MoneyDeposited(state, { position, data }: RecordedEvent<'MoneyDeposited', { amount: number }>) {
          state.sum += data.amount
          if (data.amount !== 13) return
          // Only the copy comes here after the backup, once it has passed over the first.
          if (position === 2) goOn()
          throw new Error('thirteen')
        },
      },
    })
    await using log = await open(join(temporaryFolder(), 'bank.git'), { projections: [watched] })
    for (let number = 1; number <= 9; number++) {
      await log.append('account-1', [deposit(13)], { ack: 'committed' })
      await log.resume(watched, 'skip')
    }
    await log.backup(directory)
    goOn = () => void log.append('account-1', [deposit(1)])
    expect(await log.drill(directory)).toMatchObject({ isEqual: true, position: 9, behind: { events: 1 } })
  })

  it('refuses the name of a remote that is not there as push and pull do, and takes that of a folder', async () => {
    const folder = temporaryFolder()
    await using log = await open(join(folder, 'bank.git'))
    const refused = { code: 'invalid-remote', address: 'origin' }
    await expect(log.pull()).rejects.toMatchObject(refused)
    await expect(log.drill()).rejects.toMatchObject(refused)
    await expect(log.drill('origin')).rejects.toMatchObject(refused)
    git(folder, ['init', '-q', '--bare', 'origin'])
    await log.append('account-1', [deposit(1)])
    await log.push(join(folder, 'origin'))
    const before = process.cwd()
    process.chdir(folder)
    try {
      expect(await log.drill('origin')).toMatchObject({ kind: 'remote', isEqual: true, position: 1 })
      await expect(log.drill()).rejects.toMatchObject(refused)
    } finally {
      process.chdir(before)
    }
  })

  it('says of a folder that is neither a repository nor a backup that it is no backup, or lost its catalog', async () => {
    const directory = temporaryFolder()
    await using log = await open(join(temporaryFolder(), 'bank.git'))
    await expect(log.drill(directory)).rejects.toMatchObject({ code: 'backup-missing', directory })
    await log.append('account-1', [deposit(1)])
    await log.backup(directory)
    rmSync(join(directory, 'backup.json'))
    const damaged = {
      code: 'backup-damaged',
      file: 'backup.json',
      what: expect.stringContaining('is missing'),
    }
    await expect(log.drill(directory)).rejects.toMatchObject(damaged)
    await expect(restore(directory, join(temporaryFolder(), 'r.git'))).rejects.toMatchObject(damaged)
  })

  it('tells another log, and another history, from this one', async () => {
    const directory = temporaryFolder()
    const path = join(temporaryFolder(), 'bank.git')
    await using log = await open(path)
    await log.append('account-1', [deposit(1)], { ack: 'committed' })
    await log.backup(directory)
    await using other = await open(join(temporaryFolder(), 'other.git'))
    expect(await other.drill(directory)).toMatchObject({ isEqual: false, differences: [{ kind: 'log' }] })

    const copy = join(temporaryFolder(), 'copy.git')
    git(path, ['clone', '-q', '--bare', path, copy])
    await log.append('account-1', [deposit(2)], { ack: 'committed' })
    await log.backup(directory)
    await using forked = await open(copy)
    expect(await forked.drill(directory)).toMatchObject({ differences: [{ kind: 'beyond' }] })
    await forked.append('account-1', [deposit(3)], { ack: 'committed' })
    expect(await forked.drill(directory)).toMatchObject({
      isEqual: false,
      differences: [{ kind: 'history' }, { kind: 'event', position: 2 }],
    })
  })

  it('removes the copy, whatever comes of it', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', folder)
    try {
      expect(tmpdir()).toBe(folder)
      const directory = join(temporaryFolder(), 'backup')
      await using log = await open(join(temporaryFolder(), 'bank.git'), { engine: 'isomorphic' })
      await log.append('account-1', [deposit(1)])
      await log.backup(directory)
      await log.drill(directory)
      await expect(log.drill('./nowhere')).rejects.toMatchObject({ code: 'remote-failed' })
      expect(readdirSync(folder).filter((name) => /drill|restore|bundle/.test(name))).toEqual([])
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

describe('the comparison', () => {
  async function* runs(...streams: readonly string[]) {
    for (const [at, stream] of streams.entries()) {
      const lines = Lines.fromBytes(Buffer.from(storedLine({ stream, version: 1 })), 'a test')
      yield { first: at + 1, lines }
    }
  }

  it('names the first event that is another one, or is missing', async () => {
    expect(await compareEvents(runs('a', 'b'), runs('a', 'b'))).toBeUndefined()
    expect(await compareEvents(runs('a', 'b', 'c'), runs('a', 'x', 'c'))).toMatchObject({ position: 2 })
    expect(await compareEvents(runs('a', 'b'), runs('a'))).toMatchObject({ position: 2 })
    expect(await compareEvents(runs('a'), runs('a', 'b'))).toMatchObject({ position: 2 })
    expect(await compareEvents(runs(), runs())).toBeUndefined()
  })

  it('tells states apart by value, in any structure', () => {
    // Whatever projection is asked for.
    const states = (value: unknown) => ({ state: <State>() => value as State })
    const differ = (left: unknown, right: unknown) =>
      compareStates([balances], states(left), states(right)).differences.length > 0
    expect(differ(new Map([['a', { sum: 1 }]]), new Map([['a', { sum: 1 }]]))).toBe(false)
    expect(differ(new Map([['a', { sum: 1 }]]), new Map([['a', { sum: 2 }]]))).toBe(true)
    expect(differ(new Set([1]), new Set([2]))).toBe(true)
    expect(differ([1, 2], [1])).toBe(true)
  })
})
