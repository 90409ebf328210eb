import { describe, expect, test } from 'vitest'
import { ProjectionStoppedError } from '../../src/image/errors.ts'
import { projection } from '../../src/image/projection.ts'
import { imageAt, type PointInTime } from '../../src/image/time-travel.ts'
import { git, gitText } from '../repository/real-git.ts'
import { balances, balancesOf, deposit, ImagedLog, TemporaryFolder, withdrawal } from './image-fixture.ts'

const TIMES = ['2026-11-01T00:00:00Z', '2026-11-01T12:30:00Z', '2026-11-02T00:00:00Z', '2026-11-03T00:00:00Z']

/** Deposits 1, 2, 4, 8 at those times, one commit each; the stream changes with each. */
async function history(folder: TemporaryFolder, everyEvents = 10_000): Promise<ImagedLog> {
  const bank = await ImagedLog.open(folder.join('bank.git'), { projections: [balances], everyEvents })
  for (const [at, time] of TIMES.entries()) {
    await bank.append(at % 2 === 0 ? 'a' : 'b', { ...deposit(2 ** at), time })
    await bank.log.seal()
  }
  return bank
}

function at(bank: ImagedLog, point: PointInTime, projections = [balances]) {
  const { log, image, store, opened } = bank
  const skipped = image.skipped()
  return imageAt({ log, reader: opened.reader, snapshots: store, projections, skipped, point })
}

describe('the past at', () => {
  test('any position is what the events up to there make', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    await bank.append('a', withdrawal(3))
    const events = await bank.events()
    for (let position = 0; position <= events.length; position++) {
      const past = await at(bank, position)
      expect(past.position).toBe(position)
      expect(past.state(balances)).toEqual(balancesOf(events.slice(0, position)))
    }
  })

  test('any position is the same where it starts from a snapshot', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    const options = { projections: [balances], everyEvents: 1 }
    for (let turn = 0; turn < 3; turn++) {
      await using bank = await ImagedLog.open(path, options)
      await bank.append('a', deposit(1), deposit(2))
    }
    await using bank = await ImagedLog.open(path, { projections: [balances], readOnly: true })
    const events = await bank.events()
    for (let position = 0; position <= 6; position++) {
      expect((await at(bank, position)).state(balances)).toEqual(balancesOf(events.slice(0, position)))
    }
  })

  test('a position is without an event that was skipped, though a snapshot of another process holds it', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    await using writer = await ImagedLog.open(path, { projections: [balances], everyEvents: 4 })
    await writer.append('a', deposit(1), deposit(13), deposit(2))
    await writer.log.seal()
    const fragile = projection<Map<string, number>, { Deposited: { amount: number } }>({
      ...balances,
      when: {
        Deposited(state, event) {
          if (event.data.amount === 13) throw new Error('unlucky')
          balances.findHandler('Deposited')?.(state, event)
        },
      },
    })
    await using reader = await ImagedLog.open(path, { projections: [fragile], readOnly: true })
    const { image, log } = reader
    await image.resume(fragile, 'skip', (from) => log.replay(from), log.state.index)
    await writer.append('a', deposit(4))
    await writer.close()
    await log.follower.look()
    const past = await at(reader, 4, [fragile])
    expect(past.state(fragile)).toEqual(new Map([['a', 7]]))
    expect(image.state(fragile)).toEqual(new Map([['a', 7]]))
  })

  test('a commit is what that commit holds', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const commits = gitText(folder.join('bank.git'), 'rev-list', '--reverse', 'main').split('\n')
    expect(await Promise.all(commits.map(async (commit) => (await at(bank, commit)).position))).toEqual([
      0, 1, 2, 3, 4,
    ])
  })

  test.each<[PointInTime, number]>([
    ['2026-10-31', 0],
    ['2026-11-01', 1],
    ['2026-11-01T00:00Z', 1],
    ['2026-11-01T12:29Z', 1],
    ['2026-11-01T12:30Z', 2],
    ['2026-11-01T13:29:59+01:00', 1],
    ['2026-11-01T12:30:00.000Z', 2],
    [new Date('2026-11-02T00:00:00Z'), 3],
    ['2030-01-01', 4],
  ])('the time %s is what the log had recorded by then', async (point, position) => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    expect((await at(bank, point)).position).toBe(position)
  })

  test.each<[PointInTime, string]>([
    [5, 'event-not-found'],
    [-1, 'usage'],
    [1.5, 'usage'],
    [Number.NaN, 'usage'],
    ['yesterday', 'usage'],
    ['2026-02-30', 'usage'],
    ['2026-11-01T12:30', 'usage'],
    ['', 'usage'],
    [new Date(Number.NaN), 'usage'],
    [null as never, 'usage'],
    ['0123456789012345678901234567890123456789', 'commit-not-found'],
  ])('%s is refused', async (point, code) => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    await expect(at(bank, point)).rejects.toMatchObject({ code })
  })

  test('a commit whose events a later one has removed or changed is refused', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    const before = await history(folder)
    const commit = before.log.state.branch.commit
    await before.close()
    // The last event goes, by a commit on top of all others.
    const tree = gitText(path, 'rev-parse', 'main~1^{tree}')
    const shorter = gitText(path, 'commit-tree', '-m', 'Take back', '-p', 'main', tree)
    git(path, ['update-ref', 'refs/heads/main', shorter])
    await using bank = await ImagedLog.open(path, { projections: [balances] })
    const refused = { code: 'history-changed', position: 4 }
    await expect(at(bank, commit)).rejects.toMatchObject(refused)
    await bank.append('b', deposit(100))
    await bank.log.seal()
    await expect(at(bank, commit)).rejects.toMatchObject(refused)
    expect((await at(bank, shorter)).state(balances)).toEqual(balancesOf((await bank.events()).slice(0, 3)))
  })

  test('a commit is what it holds also where files were folded since', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const { commit } = bank.log.state.branch
    await bank.append('a', deposit(100))
    expect(await bank.log.fold()).toEqual({ before: 5, after: 1 })
    expect((await at(bank, commit)).position).toBe(4)
  })

  test('a commit that is not on the branch, or no commit, is refused', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const path = folder.join('bank.git')
    const tree = gitText(path, 'rev-parse', 'main^{tree}')
    const stray = gitText(path, 'commit-tree', '-m', 'Stray', '-p', 'main~2', tree)
    for (const oid of [tree, stray]) {
      await expect(at(bank, oid)).rejects.toMatchObject({ code: 'commit-not-found' })
    }
  })
})

describe('a past image', () => {
  test('stays as it is when the log goes on', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const past = await at(bank, 4)
    await bank.append('a', deposit(100))
    expect(past.state(balances)).toEqual(
      new Map([
        ['a', 5],
        ['b', 10],
      ]),
    )
    expect(bank.image.state(balances).get('a')).toBe(105)
  })

  test('reads the log as it was', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const past = await at(bank, 3)
    const positions = async (options: Parameters<typeof past.read>[0]) => {
      const found: number[] = []
      for await (const { position } of past.read(options)) found.push(position)
      return found
    }
    expect(await positions({})).toEqual([1, 2, 3])
    expect(await positions({ direction: 'backwards' })).toEqual([3, 2, 1])
    expect(await positions({ direction: 'backwards', from: 9, limit: 2 })).toEqual([3, 2])
    expect(await positions({ stream: 'a' })).toEqual([1, 3])
    expect(await positions({ stream: 'b' })).toEqual([2])
    expect(await positions({ stream: 'b', direction: 'backwards' })).toEqual([2])
    expect(await positions({ stream: 'b', to: 9 })).toEqual([2])
    expect(past.streams().map(({ stream, version }) => [stream, version])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    expect((await past.event(3)).position).toBe(3)
    await expect(past.event(4)).rejects.toMatchObject({ code: 'event-not-found' })
    expect(() => past.read({ follow: true })).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  test('does not know streams that came later', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const past = await at(bank, 1)
    expect(past.streams().map(({ stream }) => stream)).toEqual(['a'])
    expect(() => past.read({ stream: 'b', ifMissing: 'error' })).toThrow(
      expect.objectContaining({ code: 'stream-not-found' }),
    )
    for await (const event of past.read({ stream: 'b' })) expect(event).toBeUndefined()
  })

  test('keeps its states and refuses to read when history is rewritten', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const past = await at(bank, 4)
    git(folder.join('bank.git'), ['update-ref', 'refs/heads/main', 'main~2'])
    await bank.log.follower.look()
    expect(past.state(balances).get('b')).toBe(10)
    expect(() => past.read()).toThrow(expect.objectContaining({ code: 'log-rewritten' }))
  })

  test('refuses a read that was asked for before history was rewritten, and begins after it', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const past = await at(bank, 4)
    const reading = past.read()
    git(folder.join('bank.git'), ['update-ref', 'refs/heads/main', 'main~2'])
    await bank.append('a', deposit(100), deposit(100))
    await expect(reading.next()).rejects.toMatchObject({ code: 'log-rewritten' })
  })

  test('has no state of a projection that stopped before', async () => {
    using folder = new TemporaryFolder()
    await using bank = await history(folder)
    const fragile = projection({
      name: 'fragile',
      version: 1,
      init: () => new Map<string, number>(),
      when: {
        Deposited(_, { position }) {
          if (position === 3) throw new Error('unlucky')
        },
      },
    })
    expect((await at(bank, 2, [fragile])).state(fragile)).toEqual(new Map())
    const past = await at(bank, 4, [fragile])
    expect(() => past.state(fragile)).toThrow(ProjectionStoppedError)
  })
})
