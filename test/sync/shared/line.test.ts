import { describe, expect, test } from 'vitest'
import type { NewEvent } from '../../../src/event/event.ts'
import type { PreparedAppend } from '../../../src/log/append-check.ts'
import type { Proposal } from '../../../src/log/draft.ts'
import { ConcurrencyError } from '../../../src/log/errors.ts'
import type { StreamAppend } from '../../../src/log/preparation.ts'
import { Line } from '../../../src/sync/shared/line.ts'
import { WaitingAppend } from '../../../src/sync/shared/waiting-append.ts'
import {
  batchFile,
  commitForeign,
  event,
  openLog,
  line as storedLine,
  temporaryFolder,
} from '../../log/event-log-fixture.ts'

type Expected = StreamAppend['expectedVersion']

/** A line in front of an empty log. */
async function lineOf() {
  const path = `${temporaryFolder()}/log.git`
  const { log } = await openLog(path)
  const line = new Line(log.draft)
  const addPrepared = (prepared: readonly PreparedAppend[]) => {
    const append = new WaitingAppend(prepared, undefined, {}, () => undefined)
    line.add(append)
    return append
  }
  const add = (stream: string, events: readonly NewEvent[], expectedVersion: Expected = 'any') =>
    addPrepared(log.prepare([{ stream, events, expectedVersion }], undefined))
  const propose = async (): Promise<Proposal> => {
    await line.place()
    return (await line.propose())!
  }
  return { log, path, line, add, addPrepared, propose }
}

const positionsOf = (appends: readonly WaitingAppend[]) =>
  appends.map(({ placement }) => placement?.result.position)

describe('places', () => {
  test('are given in the order in which appends came, and kept', async () => {
    const { line, add } = await lineOf()
    const first = add('a', [event(1), event(2)])
    const second = add('b', [event(3)])
    await line.place()
    const third = add('a', [event(4)], 2)
    await line.place()
    expect(positionsOf([first, second, third])).toEqual([2, 3, 4])
    expect(line.countEvents(() => false)).toBe(4)
  })

  test('are all taken back together, and given anew in the same order', async () => {
    const { log, line, add } = await lineOf()
    const appends = [add('a', [event(1)]), add('a', [event(2)], 1)]
    await line.place()
    line.withdraw()
    expect(positionsOf(appends)).toEqual([undefined, undefined])
    expect(log.draft.end).toBe(0)
    await line.place()
    expect(positionsOf(appends)).toEqual([1, 2])
  })

  test('are given anew to those behind one that was abandoned, and not to it', async () => {
    const { line, add } = await lineOf()
    const abandoned = add('a', [event(1)])
    const waiting = add('b', [event(2)])
    await line.place()
    abandoned.isAbandoned = true
    line.dropAbandoned()
    await line.place()
    expect(positionsOf([waiting])).toEqual([1])
    expect(line.appends).toEqual([waiting])
  })
})

test('events that were given up do not count, unless they are on their way', async () => {
  const { line, add } = await lineOf()
  const [abandoned, waiting] = [add('a', [event(1), event(2)]), add('b', [event(3)])]
  abandoned.isAbandoned = true
  expect(line.countEvents(() => false)).toBe(1)
  expect(line.countEvents((append) => append === abandoned)).toBe(3)
  expect(line.countEvents((append) => append === waiting)).toBe(1)
})

describe('a refusal', () => {
  test('is final once it rests on what the remote has, for those who came before it was looked at', async () => {
    const { line, add, propose } = await lineOf()
    add('a', [event(1)])
    await line.confirm(await propose())
    const refused = add('a', [event(2)], 'no-stream')
    await line.place()
    const late = line.looks
    expect(line.refuse(late)).toEqual([])
    await line.place()
    expect(line.refuse(line.beginLook())).toEqual([
      { append: refused, outcome: { kind: 'refused', error: expect.any(ConcurrencyError) } },
    ])
    expect(line.isEmpty).toBe(true)
  })

  test('does not count once the branch has gone on without the line', async () => {
    const { log, path, line, add } = await lineOf()
    const append = add('foreign', [event(1)], 1)
    await line.place()
    expect(append.refusal).toBeDefined()
    commitForeign(path, { [batchFile(1)]: storedLine(1) })
    await log.follower.look()
    expect(await line.decide(line.beginLook())).toEqual([])
    expect(positionsOf([append])).toEqual([2])
  })

  test('does not count while it rests on a place that may yet be taken back', async () => {
    const { line, add } = await lineOf()
    const first = add('a', [event(1)])
    const second = add('a', [event(2)], 'no-stream')
    await line.place()
    expect(second.refusal).toBeDefined()
    expect(line.refuse(line.beginLook())).toEqual([])
    first.isAbandoned = true
    line.dropAbandoned()
    await line.place()
    expect(positionsOf([second])).toEqual([1])
  })
})

describe('what the remote has taken', () => {
  test('decides those that were in it, with its commit, and leaves the others', async () => {
    const { log, line, add, propose } = await lineOf()
    const first = add('a', [event(1)])
    const proposal = await propose()
    const second = add('a', [event(2)])
    await line.place()
    const commit = proposal.states.at(-1)!.commit
    expect(await line.confirm(proposal)).toMatchObject([
      { append: first, outcome: { kind: 'confirmed', result: { position: 1, commit } } },
    ])
    expect(log.state.branch.commit).toBe(commit)
    expect(line.appends).toEqual([second])
    expect(positionsOf([second])).toEqual([2])
  })

  test('is recognised when it is made again with the same ids', async () => {
    const { line, add, propose } = await lineOf()
    add('a', [event(1, { id: 'one' })])
    await line.confirm(await propose())
    const again = add('a', [event(1, { id: 'one' })], 'no-stream')
    expect(await line.place()).toMatchObject([
      { append: again, outcome: { kind: 'confirmed', result: { position: 1 } } },
    ])
  })

  test('is recognised by the ids it was given here, once nobody knows how its push ended', async () => {
    const { line, add, addPrepared, propose } = await lineOf()
    const pushed = add('a', [event(1)])
    const proposal = await propose()
    const behind = add('a', [event(2)])
    await line.place()
    line.doubt(proposal)
    expect([pushed.mayBeStored, behind.mayBeStored]).toEqual([true, false])
    await line.confirm(proposal)

    const again = addPrepared(pushed.appends)
    again.mayBeStored = true
    expect(await line.place()).toMatchObject([
      { append: again, outcome: { kind: 'confirmed', result: { position: 1 } } },
    ])
  })
})
