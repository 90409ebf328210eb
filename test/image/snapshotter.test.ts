import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Image } from '../../src/image/image.ts'
import type { SnapshotStore } from '../../src/image/snapshot-store.ts'
import { Snapshotter } from '../../src/image/snapshotter.ts'
import { JournalFullError } from '../../src/journal/errors.ts'
import type { Notice } from '../../src/log/log-state.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { balances, balancesOf, deposit, ImagedLog, TemporaryFolder } from './image-fixture.ts'

/** A log that seals only when asked, and a snapshotter for it. */
async function open(folder: TemporaryFolder, everyEvents: number) {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const bank = await ImagedLog.open(folder.join('bank.git'), {
    projections: [balances],
    fileSystem,
    sealAfterMs: 1 << 30,
  })
  const { image, store, log } = bank
  const notify = () => undefined
  const { state } = log
  const snapshotter = new Snapshotter({ image, store, state, everyEvents, indexPosition: 0, notify })
  const written = () =>
    fileSystem.calls.filter(({ method, to }) => method === 'rename' && to?.endsWith('.snapshot')).length
  return { bank, snapshotter, fileSystem, written }
}

function savedPosition(image: Image): number {
  return image.status()[0]!.snapshot.position
}

describe('a snapshotter', () => {
  // On a clock that stands still no snapshot takes so long that the next has to wait.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('waits until enough events came', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, written } = await open(folder, 3)
    await using _ = bank
    await bank.append('a', deposit(1), deposit(2))
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await bank.append('a', deposit(4))
    await bank.log.seal()
    expect(written()).toBe(0)
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    expect(savedPosition(bank.image)).toBe(3)
    expect(written()).toBe(2)
  })

  test('takes a state at once and writes it when its events are committed', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, written } = await open(folder, 2)
    await using _ = bank
    await bank.append('a', deposit(1), deposit(2))
    snapshotter.maybeSnapshot()
    await bank.append('a', deposit(4))
    snapshotter.maybeSnapshot()
    expect(written()).toBe(0)
    await bank.log.seal()
    await bank.append('a', deposit(8))
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    expect(savedPosition(bank.image)).toBe(2)
    const { branch } = bank.log.state
    const loaded = await bank.store.loadProjection(balances, branch, bank.opened.reader)
    expect(loaded).toEqual({ position: 2, state: new Map([['a', 3]]) })
    expect(loaded?.state).toEqual(balancesOf((await bank.events()).slice(0, 2)))
  })

  test('writes nothing of events that were never committed', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, written } = await open(folder, 1)
    await using _ = bank
    await bank.append('a', deposit(1))
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    expect(written()).toBe(0)
  })

  test('takes none of a projection that is already saved', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, written } = await open(folder, 1)
    await using _ = bank
    await bank.append('a', deposit(1))
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    const before = written()
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    expect(written()).toBe(before)
  })

  test('saves an index that has grown by little when the log is closed, and not before', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter } = await open(folder, 1)
    await using _ = bank
    const saved = async () => (await bank.store.loadIndex(bank.log.state.branch, bank.opened.reader))?.count
    const deposits = Array.from({ length: 64 }, (_, amount) => deposit(amount))
    await bank.append('a', ...deposits)
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    await bank.append('a', deposit(1))
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    expect(await saved()).toBe(64)
    await snapshotter.close()
    expect(await saved()).toBe(65)
  })

  test('takes none for fifty times as long as the last one held up appends', async () => {
    using folder = new TemporaryFolder()
    const { bank } = await open(folder, 1)
    await using _ = bank
    const { store } = bank
    const takeSlowly: SnapshotStore['takeProjection'] = (...taken) => {
      vi.advanceTimersByTime(10)
      return store.takeProjection(...taken)
    }
    const snapshotter = new Snapshotter({
      image: bank.image,
      state: bank.log.state,
      store: Object.assign(Object.create(store), { takeProjection: takeSlowly }),
      everyEvents: 1,
      indexPosition: 0,
      notify: () => undefined,
    })
    const savedAfter = async (ms: number) => {
      await bank.append('a', deposit(1))
      await bank.log.seal()
      vi.advanceTimersByTime(ms)
      snapshotter.maybeSnapshot()
      await snapshotter.settled()
      return savedPosition(bank.image)
    }
    expect(await savedAfter(0)).toBe(1)
    expect(await savedAfter(499)).toBe(1)
    expect(await savedAfter(1)).toBe(3)
  })

  test('takes an index with appends that are on their way, so that a log that never rests has one', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter } = await open(folder, 1)
    await using _ = bank
    const pending = bank.append('a', deposit(1))
    while (bank.log.state.index.count === 0) await nextTurn()
    expect(bank.log.state.visible.position).toBe(0)
    snapshotter.maybeSnapshot()
    await pending
    await bank.log.seal()
    const another = bank.append('a', deposit(2))
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    await another
    const { branch } = bank.log.state
    expect((await bank.store.loadIndex(branch, bank.opened.reader))?.count).toBe(1)
  })

  test('drops such an index when one of the appends is refused, and takes another', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, fileSystem } = await open(folder, 1)
    await using _ = bank
    await bank.append('a', deposit(1))
    const isFrame = ({ method, path }: Call) => method === 'write' && path.includes('/journal/')
    fileSystem.fail({ on: isFrame, effect: { kind: 'error', code: 'ENOSPC' } })
    const refused = bank.append('refused', deposit(2))
    while (bank.log.state.index.count === 1) await nextTurn()
    snapshotter.maybeSnapshot()
    await expect(refused).rejects.toThrow(JournalFullError)
    await bank.append('b', deposit(3))
    await bank.log.seal()
    const saved = async () => {
      const index = await bank.store.loadIndex(bank.log.state.branch, bank.opened.reader)
      return index?.streams.all()
    }
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    expect(await saved()).toBeUndefined()
    await snapshotter.close()
    expect(await saved()).toEqual(['a', 'b'])
  })

  test('tells of an index that cannot be taken, and saves the projections', async () => {
    using folder = new TemporaryFolder()
    const { bank } = await open(folder, 1)
    await using _ = bank
    const takeIndex = () => {
      throw new RangeError('Invalid string length')
    }
    const store: SnapshotStore = Object.assign(Object.create(bank.store), { takeIndex })
    const notices: Notice[] = []
    const snapshotter = new Snapshotter({
      image: bank.image,
      state: bank.log.state,
      store,
      everyEvents: 1,
      indexPosition: 0,
      notify: (notice) => notices.push(notice),
    })
    await bank.append('a', deposit(1))
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.close()
    expect(savedPosition(bank.image)).toBe(1)
    expect(notices).toMatchObject([
      { kind: 'snapshot-failed', projection: '', error: { name: 'RangeError' } },
    ])
  })

  test('writes no other index because appends were refused, and loses no projection with it', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter, written } = await open(folder, 1)
    await using _ = bank
    await bank.append('a', deposit(1))
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    const before = written()
    for (let round = 0; round < 3; round++) {
      place(bank)
      takeBack(bank)
      snapshotter.maybeSnapshot()
      await snapshotter.settled()
    }
    expect(written()).toBe(before)
    await bank.append('a', deposit(2))
    place(bank)
    snapshotter.maybeSnapshot()
    takeBack(bank)
    await bank.log.seal()
    snapshotter.maybeSnapshot()
    await snapshotter.settled()
    expect(savedPosition(bank.image)).toBe(2)
  })

  test('saves the projections of a log that is closed with places that nothing came of', async () => {
    using folder = new TemporaryFolder()
    const { bank, snapshotter } = await open(folder, 1)
    await using _ = bank
    await bank.append('a', deposit(1))
    await bank.log.seal()
    place(bank)
    await snapshotter.close()
    takeBack(bank)
    expect(savedPosition(bank.image)).toBe(1)
  })
})

/** An append that waits for a remote has a place in the index. */
function place({ log }: ImagedLog): void {
  const { index } = log.state
  index.add('waiting', 'Deposited', [], index.lastTime, 0)
}

function takeBack({ log }: ImagedLog): void {
  log.state.index.truncate(log.state.visible.position)
}
