import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projection } from '../../src/image/projection.ts'
import { writeSnapshot } from '../../src/image/snapshot-file.ts'
import { decodeHead, encodeHead, headLengthFrom } from '../../src/image/snapshot-head.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { commitFiles, git, gitText } from '../repository/real-git.ts'
import { CrashFileSystem, randomSurvivors } from '../system/crash-file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { balances, balancesOf, deposit, ImagedLog, TemporaryFolder, withdrawal } from './image-fixture.ts'

const options = { projections: [balances], everyEvents: 1 }

/** A closed log of four events in three commits, with snapshots. */
async function bankWithSnapshots(folder: TemporaryFolder, projections = [balances]): Promise<string> {
  const path = folder.join('bank.git')
  await using bank = await ImagedLog.open(path, { ...options, projections })
  await bank.append('a', deposit(1))
  await bank.log.seal()
  await bank.append('b', deposit(2), { type: 'Renamed', tags: ['name'] })
  await bank.log.seal()
  await bank.append('a', withdrawal(4))
  return path
}

function snapshotFiles(path: string, kind: 'projection' | 'index' | '' = ''): string[] {
  const directory = join(path, 'memoir', 'snapshots')
  return readdirSync(directory)
    .filter((name) => name.startsWith(kind))
    .sort()
    .map((name) => join(directory, name))
}

/** Opens a log and compares its image with a fold of its events. */
async function expectRightState(path: string): Promise<ImagedLog> {
  await using bank = await ImagedLog.open(path, { projections: [balances], readOnly: true })
  expect(bank.image.state(balances)).toEqual(balancesOf(await bank.events()))
  return bank
}

describe('a snapshot', () => {
  test('spares the replay', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    const bank = await expectRightState(path)
    expect(bank.replayed).toBe(0)
    expect(bank.image.status()[0]!.snapshot).toEqual({ position: 4 })
    expect(bank.log.streams().map(({ stream, version }) => [stream, version])).toEqual([
      ['a', 2],
      ['b', 2],
    ])
  })

  test('is kept for the newest two positions of a projection', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    expect(snapshotFiles(path, 'projection').length).toBeLessThanOrEqual(2)
    expect(snapshotFiles(path, 'index')).toHaveLength(1)
  })

  test('is void for another version of its projection', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    const doubled = projection<Map<string, number>, { Deposited: { amount: number } }>({
      name: 'balances',
      version: 2,
      init: () => new Map(),
      when: { Deposited: (state, { stream, data }) => new Map(state).set(stream, data.amount * 2) },
    })
    await using bank = await ImagedLog.open(path, { projections: [doubled] })
    expect(bank.image.state(doubled)).toEqual(
      new Map([
        ['a', 2],
        ['b', 4],
      ]),
    )
  })

  test('is not taken for that of another projection, whatever its file is called', async () => {
    using folder = new TemporaryFolder()
    const other = projection({ name: 'other', version: 1, init: () => new Map<string, number>(), when: {} })
    const path = await bankWithSnapshots(folder, [balances, other])
    const [first, second] = [...new Set(snapshotFiles(path, 'projection').map((file) => file.slice(0, -22)))]
    const last = '-000000000004.snapshot'
    const swapped = readFileSync(`${first}${last}`)
    renameSync(`${second}${last}`, `${first}${last}`)
    writeFileSync(`${second}${last}`, swapped)
    await expectRightState(path)
  })

  test('of another log is void', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    for (const snapshot of snapshotFiles(path)) {
      const file = readFileSync(snapshot)
      const length = headLengthFrom(file)!
      const { header, commit, pieces } = decodeHead(file.subarray(0, length))!
      const head = encodeHead({ header: { ...header, log: 'another' }, commit, pieces })
      writeFileSync(snapshot, Buffer.concat([head, file.subarray(length)]))
    }
    const bank = await expectRightState(path)
    expect(bank.notices).toEqual([])
    expect(bank.image.status()[0]!.snapshot).toEqual({ position: 0 })
  })

  test('of a history that was rewound is void', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    git(path, ['update-ref', 'refs/heads/main', 'main~1'])
    const bank = await expectRightState(path)
    expect(bank.log.state.index.count).toBe(3)
  })

  test('is void when a later commit changed an event that it is made of', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    const files: Record<string, string> = {}
    for (const name of gitText(path, 'ls-tree', '-r', '--name-only', 'main').split('\n')) {
      const content = git(path, ['show', `main:${name}`]).toString()
      files[name] = content.replace('"amount":1}', '"amount":7}')
    }
    commitFiles(path, files)
    const bank = await expectRightState(path)
    expect(bank.image.state(balances).get('a')).toBe(3)
  })

  test('fits after a fold, which keeps the events and changes the files', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    {
      await using bank = await ImagedLog.open(path, { projections: [balances] })
      const { before, after } = await bank.log.fold()
      expect(after).toBeLessThan(before)
    }
    const bank = await expectRightState(path)
    expect(bank.image.status()[0]!.snapshot).toEqual({ position: 4 })
  })

  test('is not made of a state that would come back changed, and the status says why', async () => {
    using folder = new TemporaryFolder()
    const odd = projection({ name: 'odd', version: 1, init: () => ({ call: () => 1 }), when: {} })
    await using bank = await ImagedLog.open(folder.join('bank.git'), { ...options, projections: [odd] })
    await bank.append('a', deposit(1))
    await bank.close()
    expect(bank.image.status()[0]!.snapshot).toEqual({ position: 0, problem: 'state.call is a function' })
    expect(snapshotFiles(folder.join('bank.git'), 'projection')).toEqual([])
  })

  test('is never written through a handle that only reads', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    const before = snapshotFiles(path)
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({
      on: ({ method }) => ['write', 'rename', 'remove', 'makeDirectory'].includes(method),
      times: Number.POSITIVE_INFINITY,
      effect: { kind: 'error', code: 'EROFS' },
    })
    await using bank = await ImagedLog.open(path, { ...options, readOnly: true, fileSystem })
    expect(bank.image.status()[0]!.snapshot.position).toBe(4)
    expect(snapshotFiles(path)).toEqual(before)
  })

  test.each(['../../etc', '__proto__', 'a/b', 'A', 'a'])(
    'of a projection called %s stays in its folder',
    async (name) => {
      using folder = new TemporaryFolder()
      const named = projection({ name, version: 1, init: () => 0, when: { Deposited: (state) => state + 1 } })
      const path = folder.join('bank.git')
      {
        await using bank = await ImagedLog.open(path, { ...options, projections: [named] })
        await bank.append('a', deposit(1))
      }
      expect(snapshotFiles(path, 'projection')).toHaveLength(1)
      await using bank = await ImagedLog.open(path, { projections: [named] })
      expect(bank.image.status()[0]!.snapshot.position).toBe(1)
      expect(bank.image.state(named)).toBe(1)
    },
  )

  test('that cannot be written does not fail the log', async () => {
    using folder = new TemporaryFolder()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({
      on: ({ method, path }) => method === 'write' && path.includes('snapshots'),
      times: Number.POSITIVE_INFINITY,
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    const path = folder.join('bank.git')
    await using bank = await ImagedLog.open(path, { ...options, fileSystem })
    await bank.append('a', deposit(1))
    await bank.close()
    expect(bank.notices).toContainEqual(
      expect.objectContaining({ kind: 'snapshot-failed', projection: 'balances' }),
    )
    expect(bank.image.status()[0]!.snapshot.problem).toMatch(/disk/)
    await expectRightState(path)
  })
})

describe('a damaged snapshot', () => {
  test('with any one bit flipped is passed over', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    await using bank = await ImagedLog.open(path, { projections: [balances], readOnly: true })
    const { branch } = bank.log.state
    const { reader } = bank.opened
    const newest = snapshotFiles(path, 'projection').at(-1)!
    for (const file of snapshotFiles(path, 'projection')) if (file !== newest) writeFileSync(file, '')
    const whole = readFileSync(newest)
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole)
      flipped[at] = flipped[at]! ^ (1 << (at % 8))
      writeFileSync(newest, flipped)
      expect(await bank.store.loadProjection(balances, branch, reader)).toBeUndefined()
    }
    writeFileSync(newest, whole)
    expect((await bank.store.loadProjection(balances, branch, reader))?.state).toEqual(
      bank.image.state(balances),
    )
  })

  test('of the index with a byte changed is passed over', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    await using bank = await ImagedLog.open(path, { readOnly: true })
    const [file] = snapshotFiles(path, 'index')
    const whole = readFileSync(file!)
    for (let at = 0; at < whole.length; at += 13) {
      const changed = Buffer.from(whole)
      changed[at] = changed[at]! ^ 0xff
      writeFileSync(file!, changed)
      expect(await bank.store.loadIndex(bank.log.state.branch, bank.opened.reader)).toBeUndefined()
    }
  })

  test.each<[string, readonly Buffer[]]>([
    ['has no parts', []],
    ['has names that are no JSON', [Buffer.from('{')]],
    ['has names that are something else', [Buffer.from('[]')]],
  ])('of the index that was written whole and %s is passed over', async (_, parts) => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    const [name] = snapshotFiles(path, 'index')
    const whole = readFileSync(name!)
    const head = decodeHead(whole.subarray(0, headLengthFrom(whole)))!
    const file = await nodeFileSystem.open(name!, 'w')
    await writeSnapshot(
      file,
      head,
      parts.map((part) => [() => part]),
    )
    await file.close()
    const bank = await expectRightState(path)
    expect(bank.replayed).toBe(3)
    expect(bank.notices).toMatchObject([{ kind: 'snapshot-failed', error: { code: 'snapshot-damaged' } }])
  })

  test('cut short anywhere is passed over', async () => {
    using folder = new TemporaryFolder()
    const path = await bankWithSnapshots(folder)
    await using bank = await ImagedLog.open(path, { projections: [balances], readOnly: true })
    const newest = snapshotFiles(path, 'projection').at(-1)!
    const whole = readFileSync(newest)
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(newest, whole.subarray(0, length))
      const loaded = await bank.store.loadProjection(balances, bank.log.state.branch, bank.opened.reader)
      expect(loaded?.position ?? 0).toBeLessThan(4)
    }
    expect(bank.notices).toContainEqual(expect.objectContaining({ kind: 'snapshot-failed' }))
  })
})

test('a power cut while snapshots are written leaves whole ones, and right states', async () => {
  using folder = new TemporaryFolder()
  const path = await bankWithSnapshots(folder)
  const disk = await CrashFileSystem.over(join(path, 'memoir', 'snapshots'))
  {
    await using bank = await ImagedLog.open(path, { ...options, fileSystem: snapshotsOn(disk) })
    await bank.append('c', deposit(5), deposit(6))
  }
  expect(disk.steps).toBeGreaterThan(4)
  for (let at = 0; at <= disk.steps; at++) {
    const target = folder.join(`disk-${at}`)
    git(folder.path, ['clone', '--quiet', '--bare', path, target])
    await disk.crash({ at, survives: randomSurvivors(at), target: join(target, 'memoir', 'snapshots') })
    const bank = await expectRightState(target)
    expect(bank.notices).toEqual([])
  }
})

/** Lets a file system see the files of snapshots only. */
function snapshotsOn(disk: CrashFileSystem): typeof nodeFileSystem {
  const pick = (path: string) => (path.includes('snapshots') ? disk : nodeFileSystem)
  return {
    open: (path, flags, mode) => pick(path).open(path, flags, mode),
    readFile: (path) => pick(path).readFile(path),
    list: (path) => pick(path).list(path),
    stat: (path) => pick(path).stat(path),
    makeDirectory: (path) => pick(path).makeDirectory(path),
    rename: (from, to) => pick(from).rename(from, to),
    remove: (path) => pick(path).remove(path),
    syncDirectory: (path) => pick(path).syncDirectory(path),
  }
}
