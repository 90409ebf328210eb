import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { forgetLocks, observe } from './observation.ts'
import { startSession } from './scenario.ts'
import { tallies } from './tally.ts'

const inJournal = ({ path }: Call) => path.includes('/journal/')
const EIO = { kind: 'error', code: 'EIO', late: true } as const

test.each([
  ['a write that syncs', 'journaled', ({ method }: Call) => method === 'write'],
  ['a sync after writes that do not', 'written', ({ method }: Call) => method === 'syncData'],
] as const)(
  'when %s fails, all that waits is refused, nothing is tried again, and reopening is consistent',
  async (_, ack, fails) => {
    const path = `${temporaryFolder()}/log.git`
    const history = new History()
    const session = startSession('clients', (record) => history.add(record))
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const options = { projections: [tallies], ports: { fileSystem }, seal: { afterMs: 3_600_000 } }
    const log = await open(path, options)
    await session.append(log, 3, 4)
    const before = log.status().events
    const event = { type: 'Changed', data: { token: 'refused', number: 0, filler: '' } }
    // Makes the journal dirty, so that the next durable append has to sync.
    if (ack === 'written') await log.append('unsynced', [{ ...event, data: {} }], { ack })
    fileSystem.fail({ on: (call) => inJournal(call) && fails(call), effect: EIO })
    const waiting = Array.from({ length: 5 }, () => log.append('s', [event]))
    for (const outcome of await Promise.allSettled(waiting)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'journal-failed' } })
    }
    const madeUntilThen = fileSystem.calls.length
    await expect(log.append('s', [event])).rejects.toMatchObject({ code: 'journal-failed' })
    expect(log.status().problem).toMatchObject({ code: 'journal-failed' })
    await log.close()
    const later = fileSystem.calls.slice(madeUntilThen).filter(inJournal)
    expect(later.filter(({ method }) => ['write', 'sync', 'syncData'].includes(method))).toEqual([])
    forgetLocks(path)
    const observation = await observe(path)
    // Whether the refused are there is for the disk to say; all that came before them is.
    const own = observation.events.filter(({ stream }) => stream.startsWith('stream-'))
    expect(own).toHaveLength(before)
    const image = new Map([...observation.image].filter(([stream]) => stream.startsWith('stream-')))
    const streams = observation.streams.filter(({ stream }) => stream.startsWith('stream-'))
    const shown = { ...observation, events: own, image, streams, position: own.length }
    expect(findAnomalies(history, shown, AFTER_A_KILL)).toEqual([])
  },
)

test('when the sync of an object fails, the seal fails and the next one writes it anew', async () => {
  const path = `${temporaryFolder()}/log.git`
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const options = { projections: [tallies], ports: { fileSystem }, seal: { afterMs: 3_600_000 } }
  const log = await open(path, options)
  await log.append('s', [{ type: 'Changed', data: {} }])
  const isObjectSync = ({ method, path }: Call) => method === 'sync' && path.includes('tmp_obj')
  fileSystem.fail({ on: isObjectSync, effect: EIO })
  await expect(log.seal()).rejects.toMatchObject({ code: 'seal-failed' })
  const synced = fileSystem.calls.filter(isObjectSync).map(({ path }) => path)
  await log.seal()
  const after = fileSystem.calls.filter(isObjectSync).map(({ path }) => path)
  expect(new Set(after).size).toBe(after.length)
  expect(after.length).toBeGreaterThan(synced.length)
  await log.close()
  expect((await observe(path)).findings).toEqual([])
})
