import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/event/event.ts'
import {
  InvalidProjectionError,
  ProjectionStoppedError,
  UnknownProjectionError,
} from '../../src/image/errors.ts'
import { Image } from '../../src/image/image.ts'
import { projection } from '../../src/image/projection.ts'
import { git, gitText } from '../repository/real-git.ts'
import { balances, balancesOf, deposit, ImagedLog, TemporaryFolder, withdrawal } from './image-fixture.ts'

/** Fails at deposits of 13, after it has changed its state. */
function fragile(shouldFail: () => boolean = () => true) {
  return projection<{ seen: number; sum: number }, { Deposited: { amount: number } }>({
    name: 'fragile',
    version: 1,
    init: () => ({ seen: 0, sum: 0 }),
    when: {
      Deposited(state, { data }) {
        state.seen++
        if (data.amount === 13 && shouldFail()) throw new Error('unlucky')
        state.sum += data.amount
      },
    },
  })
}

function resume(bank: ImagedLog, stopped: Parameters<Image['resume']>[0], mode: 'retry' | 'skip') {
  return bank.image.resume(stopped, mode, (from) => bank.log.replay(from), bank.log.state.index)
}

describe('an image', () => {
  test('holds an event before its append resolves', async () => {
    using folder = new TemporaryFolder()
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [balances] })
    await bank.append('a', deposit(10), withdrawal(3))
    expect(bank.image.state(balances)).toEqual(new Map([['a', 7]]))
    expect(bank.image.status()).toEqual([
      { name: 'balances', version: 1, position: 2, snapshot: { position: 0 } },
    ])
  })

  test('takes the state that a handler returns in place of the one before', async () => {
    using folder = new TemporaryFolder()
    const list = projection<readonly number[], { Deposited: { amount: number } }>({
      name: 'list',
      version: 1,
      init: () => [],
      when: { Deposited: (state, { data }) => [...state, data.amount] },
    })
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [list] })
    await bank.append('a', deposit(1), deposit(2))
    expect(bank.image.state(list)).toEqual([1, 2])
  })

  test('is the same after the log is opened again', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    await using bank = await ImagedLog.open(path, { projections: [balances] })
    for (let turn = 0; turn < 30; turn++) await bank.append(`a${turn % 7}`, deposit(turn), withdrawal(2))
    const before = bank.image.state(balances)
    await bank.close()
    await using again = await ImagedLog.open(path, { projections: [balances] })
    expect(again.image.state(balances)).toEqual(before)
    expect(before).toEqual(balancesOf(await again.events()))
  })

  test('gives each projection data of its own', async () => {
    using folder = new TemporaryFolder()
    const define = (name: string) =>
      projection<{ list: number[] }[], { Listed: { list: number[] } }>({
        name,
        version: 1,
        init: () => [],
        when: {
          Listed(state, { data }) {
            data.list.push(4)
            state.push(data)
          },
        },
      })
    const [first, second] = [define('first'), define('second')]
    await using log = await ImagedLog.open(folder.join('log.git'), { projections: [first, second] })
    await log.append('a', { type: 'Listed', data: { list: [3] } })
    expect(log.image.state(first)).toEqual([{ list: [3, 4] }])
    expect(log.image.state(second)).toEqual([{ list: [3, 4] }])
  })

  test('is not made where init throws: the error names the projection, and has that one as its cause', async () => {
    using folder = new TemporaryFolder()
    const cause = new Error('no state')
    const init = () => {
      throw cause
    }
    const broken = projection<number>({ name: 'broken', version: 1, init, when: {} })
    const path = folder.join('log.git')
    await expect(ImagedLog.open(path, { projections: [broken] })).rejects.toMatchObject({
      code: 'invalid-projection',
      field: 'init',
      message: expect.stringContaining('"broken"'),
      cause,
    })
    await using log = await ImagedLog.open(path, { projections: [balances] })
    await log.append('a', deposit(1))
  })

  test('passes over event types that are named like parts of Object', async () => {
    using folder = new TemporaryFolder()
    await using log = await ImagedLog.open(folder.join('log.git'), { projections: [balances] })
    await log.append('__proto__', { type: 'constructor' }, { type: '__proto__' }, { type: 'toString' })
    expect(log.image.status()[0]).toMatchObject({ position: 3 })
    expect(log.image.status()[0]).not.toHaveProperty('stopped')
  })

  test('needs no replay when it has no projections', async () => {
    const image = await Image.open([], { notify: () => undefined })
    expect(image.position).toBe(Number.POSITIVE_INFINITY)
  })

  test('refuses two projections of one name', async () => {
    const opening = Image.open([fragile(), fragile()], { notify: () => undefined })
    await expect(opening).rejects.toThrow(InvalidProjectionError)
  })

  test('does not know a projection by its name alone', async () => {
    const image = await Image.open([fragile()], { notify: () => undefined })
    expect(() => image.state(fragile())).toThrow(UnknownProjectionError)
  })
})

describe('a projection whose handler fails', () => {
  test('stops with the position, and the others go on', async () => {
    using folder = new TemporaryFolder()
    const broken = fragile()
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [broken, balances] })
    await bank.append('a', deposit(1), deposit(13), deposit(2))
    expect(bank.image.state(balances)).toEqual(new Map([['a', 16]]))
    expect(() => bank.image.state(broken)).toThrow(ProjectionStoppedError)
    expect(() => bank.image.state(broken)).toThrow(
      expect.objectContaining({ position: 2, cause: expect.objectContaining({ message: 'unlucky' }) }),
    )
    expect(bank.image.state(broken, { evenIfStopped: true }).sum).toBe(1)
    expect(bank.image.status()[0]).toMatchObject({ position: 1, stopped: { position: 2, reason: 'unlucky' } })
    expect(bank.notices).toContainEqual(
      expect.objectContaining({ kind: 'projection-stopped', projection: 'fragile', position: 2 }),
    )
  })

  test.each<[string, unknown]>([
    ['a text', 'unlucky'],
    ['an object without a prototype', Object.create(null)],
    [
      'an object whose toString throws',
      {
        toString() {
          throw new Error('no text')
        },
      },
    ],
  ])('stops when it throws %s, and the log goes on', async (_, thrown) => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    const odd = projection<number>({
      name: 'odd',
      version: 1,
      init: () => 0,
      when: {
        Deposited() {
          throw thrown
        },
      },
    })
    for (const amount of [1, 2]) {
      await using bank = await ImagedLog.open(path, { projections: [odd, balances] })
      await bank.append('a', deposit(amount))
      expect(bank.image.status()[0]?.stopped).toMatchObject({ position: 1, reason: expect.any(String) })
      expect(bank.image.state(balances)).toEqual(balancesOf(await bank.events()))
    }
  })

  test('stops when it returns a promise', async () => {
    using folder = new TemporaryFolder()
    const slow = projection({
      name: 'slow',
      version: 1,
      init: (): unknown => 0,
      when: { Deposited: () => Promise.reject(new Error('late')) },
    })
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [slow] })
    await bank.append('a', deposit(1))
    expect(() => bank.image.state(slow)).toThrow(ProjectionStoppedError)
  })

  test('has a whole state again after a retry, although it had failed half way', async () => {
    using folder = new TemporaryFolder()
    let isBroken = true
    const broken = fragile(() => isBroken)
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [broken] })
    await bank.append('a', deposit(1), deposit(13))
    await bank.append('a', deposit(2))
    await expect(resume(bank, broken, 'retry')).rejects.toThrow(ProjectionStoppedError)
    isBroken = false
    await resume(bank, broken, 'retry')
    expect(bank.image.state(broken)).toEqual({ seen: 3, sum: 16 })
    await bank.append('a', deposit(4))
    expect(bank.image.state(broken)).toEqual({ seen: 4, sum: 20 })
  })

  test('goes on without the event it skips, until the log is opened again', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    const broken = fragile()
    await using bank = await ImagedLog.open(path, { projections: [broken], everyEvents: 1 })
    await bank.append('a', deposit(1), deposit(13), deposit(2), deposit(13))
    await expect(resume(bank, broken, 'skip')).rejects.toThrow(ProjectionStoppedError)
    await resume(bank, broken, 'skip')
    expect(bank.image.state(broken)).toEqual({ seen: 2, sum: 3 })
    expect(bank.image.status()[0]).toMatchObject({ position: 4, skipped: [2, 4] })
    await bank.close()
    await using again = await ImagedLog.open(path, { projections: [broken] })
    expect(() => again.image.state(broken)).toThrow(ProjectionStoppedError)
  })

  test('catches up with events that come while it is made anew', async () => {
    using folder = new TemporaryFolder()
    let isBroken = true
    const broken = fragile(() => isBroken)
    await using bank = await ImagedLog.open(folder.join('bank.git'), { projections: [broken] })
    await bank.append('a', deposit(13))
    isBroken = false
    const resumed = resume(bank, broken, 'retry')
    await Promise.all(Array.from({ length: 50 }, () => bank.append('a', deposit(1))))
    await resumed
    await bank.append('a', deposit(1))
    expect(bank.image.state(broken)).toEqual({ seen: 52, sum: 64 })
  })
})

describe('an image of a rewritten history', () => {
  test('is rebuilt from the events there are, and readable meanwhile', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    await using bank = await ImagedLog.open(path, { projections: [balances], everyEvents: 2 })
    await bank.append('a', deposit(1))
    await bank.log.seal()
    const kept = gitText(path, 'rev-parse', 'main')
    await bank.append('a', deposit(2), deposit(4))
    await bank.log.seal()
    git(path, ['update-ref', 'refs/heads/main', kept])
    const looked = bank.log.follower.look()
    expect(bank.image.state(balances)).toEqual(new Map([['a', 7]]))
    await looked
    expect(bank.image.state(balances)).toEqual(new Map([['a', 1]]))
    expect(bank.image.status()[0]).toMatchObject({ position: 1 })
    await bank.append('a', deposit(5))
    expect(bank.image.state(balances)).toEqual(new Map([['a', 6]]))
  })

  test('that could not be rebuilt is not saved as one of the new history', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    let shouldFail = false
    const { name, version, init, findHandler } = balances
    const failing = Object.freeze({
      name,
      version,
      findHandler,
      init: () => {
        if (shouldFail) throw new Error('no memory left')
        return init()
      },
    })
    const bank = await ImagedLog.open(path, { projections: [failing], everyEvents: 2 })
    await bank.append('a', deposit(1), deposit(2))
    await bank.log.seal()
    shouldFail = true
    await rewrite(path, 1)
    await bank.log.follower.look()
    expect(bank.log.follower.problem?.error).toMatchObject({
      code: 'invalid-projection',
      cause: { message: 'no memory left' },
    })
    await bank.close()
    await using again = await ImagedLog.open(path, { projections: [balances] })
    expect(again.image.state(balances)).toEqual(new Map([['a', 70]]))
  })

  test('that could not be rebuilt lets no projection go on', async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('bank.git')
    let shouldFail = false
    const stopped = projection({
      name: 'stopped',
      version: 1,
      init: () => {
        if (shouldFail) throw new Error('no memory left')
        return 0
      },
      when: {
        Deposited(sum: number) {
          if (sum === 0) throw new Error('a bug')
        },
      },
    })
    await using bank = await ImagedLog.open(path, { projections: [stopped] })
    await bank.append('a', deposit(1), deposit(2), deposit(3))
    await bank.log.seal()
    shouldFail = true
    await rewrite(path, 1)
    await bank.log.follower.look()
    shouldFail = false
    const { log, image } = bank
    const resumed = image.resume(stopped, 'skip', (from) => log.replay(from), log.state.index)
    await expect(resumed).rejects.toMatchObject({ code: 'projection-stopped' })
    await log.follower.look()
    expect(image.status()[0]).toMatchObject({ position: 0, stopped: { position: 1 } })
  })
})

type Step =
  | { readonly kind: 'append'; readonly stream: string; readonly amounts: readonly number[] }
  | { readonly kind: 'reopen' | 'seal' | 'snapshot' }
  | { readonly kind: 'rewrite'; readonly commits: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      stream: fc.constantFrom('a', 'b', '__proto__', 'ü'),
      amounts: fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'seal', 'snapshot') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rewrite' as const), commits: fc.integer({ min: 0, max: 3 }) }),
  },
)

/** Takes the last commits off a log and puts others in their place, from a clone. */
async function rewrite(path: string, commits: number): Promise<void> {
  using folder = new TemporaryFolder()
  const clone = folder.join('clone.git')
  git(folder.path, ['clone', '--quiet', '--bare', path, clone])
  const count = Number(gitText(clone, 'rev-list', '--count', 'main'))
  git(clone, ['update-ref', 'refs/heads/main', `main~${Math.min(commits, count - 1)}`])
  await using other = await ImagedLog.open(clone)
  await other.append('a', deposit(100), withdrawal(30))
  await other.close()
  git(clone, ['push', '--quiet', '--force', path, 'main'])
}

async function apply(bank: ImagedLog, path: string, taken: Step): Promise<void> {
  switch (taken.kind) {
    case 'append': {
      const { stream, amounts } = taken
      await bank.append(stream, ...amounts.map((n) => (n < 0 ? withdrawal(-n) : deposit(n))))
      break
    }
    case 'rewrite':
      await bank.log.seal()
      await rewrite(path, taken.commits)
      await bank.log.follower.look()
      break
    case 'snapshot':
      bank.snapshotter?.maybeSnapshot()
      break
    case 'seal':
      await bank.log.seal()
      break
    case 'reopen':
      break
  }
}

test('an image is at any time what a fold of the events from the first one on gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      using folder = new TemporaryFolder()
      const path = folder.join('bank.git')
      const options = { projections: [balances], everyEvents: 3 }
      let bank = await ImagedLog.open(path, options)
      try {
        for (const taken of steps) {
          if (taken.kind === 'reopen') {
            await bank.close()
            bank = await ImagedLog.open(path, options)
          } else await apply(bank, path, taken)
          const events: readonly RecordedEvent[] = await bank.events()
          expect(bank.image.state(balances)).toEqual(balancesOf(events))
        }
      } finally {
        await bank.close()
      }
    }),
    { numRuns: 15 },
  )
})
