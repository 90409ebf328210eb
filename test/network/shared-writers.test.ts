import { expect, test, vi } from 'vitest'
import { open, type SharedLog } from '../../src/index.ts'
import { AFTER_A_KILL, findAnomalies } from '../crash/checker.ts'
import { History, type HistoryRecord, type OperationEvent } from '../crash/history.ts'
import { observe } from '../crash/observation.ts'
import { Random } from '../crash/random.ts'
import { times } from '../crash/scale.ts'
import { tallies } from '../crash/tally.ts'
import { within } from '../crash/time-limit.ts'
import { Client } from '../crash/workload.ts'
import { createNetwork } from './network.ts'
import { expectPrefix, expectSound, head, lookWhile, makeOld } from './soundness.ts'
import { Weather } from './weather.ts'

const WRITERS = 2
const CLIENTS = 3
const OPERATIONS = times(10, 300)
const LOOKS = times(5, 100)
/** What the weather does not let through in this time is tried again: its outcome is unknown. */
const PATIENCE_MS = 5000
/** An append is told within its patience, in four attempts at most. */
const LIMIT_MS = 60_000

test(`${WRITERS * CLIENTS * OPERATIONS} appends of ${WRITERS} writers that share a remote in bad weather are stored once, in one order`, async () => {
  const random = new Random(Date.now())
  const network = await createNetwork({ scheme: 'http' })
  await (await open(network.remote)).close()
  const paths = Array.from({ length: WRITERS }, (_, writer) => `${network.folder}/clone-${writer}.git`)
  const logs = await Promise.all(
    paths.map((path) =>
      open(path, {
        mode: 'shared',
        remote: network.address,
        projections: [tallies],
        shared: { patienceMs: PATIENCE_MS },
      }),
    ),
  )
  const records: HistoryRecord[] = []
  const weather = new Weather(network.proxy, random)
  weather.start()
  const work = logs.flatMap((log, writer) =>
    Array.from({ length: CLIENTS }, async (_, number) => {
      const name = `writer-${writer}.${number}`
      const record = (one: HistoryRecord) => void records.push(one)
      const ackLevels = ['pushed', 'pushed', 'pushed', 'committed'] as const
      const client = new Client({ log, random, name, record, ackLevels })
      for (let done = 0; done < OPERATIONS; done++) await within(LIMIT_MS, client.step())
    }),
  )
  await lookWhile(work, LOOKS, async () => {
    for (const path of paths) await expectPrefix(path, network.remote)
  })
  await weather.clear()

  for (const log of logs) await within(LIMIT_MS, log.push())
  for (const [writer, log] of logs.entries()) {
    makeOld(paths[writer]!)
    await within(LIMIT_MS, log.pull())
    expect(log.status().commit).toBe(head(network.remote))
  }
  const conflicts = logs.flatMap(tokensOfConflicts)
  for (const log of logs) await log.close()
  for (const path of paths) {
    await expectSound(network, path)
    const observation = { ...(await observe(path)), conflicts }
    expect(findAnomalies(History.of(records), observation, AFTER_A_KILL), path).toEqual([])
  }
}, 3_600_000)

test('an append whose push the network sends twice is stored once', async () => {
  const network = await createNetwork({ scheme: 'http' })
  await (await open(network.remote)).close()
  const path = `${network.folder}/clone.git`
  await using log = await open(path, { mode: 'shared', remote: network.address })
  const before = head(network.remote)
  let pushes = 0
  network.server.answerAfterwards = ({ method, path }) => {
    if (method !== 'POST' || !path.endsWith('git-receive-pack')) return
    return ++pushes === 1 ? 'silence' : undefined
  }
  const append = log.append('a', [{ type: 'Counted', data: { number: 1 } }])
  await vi.waitFor(() => expect(head(network.remote)).not.toBe(before), 20_000)
  // The connection breaks before the answer has come: git's http library sends the same once more.
  network.proxy.mend()
  expect(await append).toMatchObject({ position: 1 })
  expect(pushes).toBe(2)
  expect(await log.append('a', [{ type: 'Counted', data: { number: 2 } }])).toMatchObject({ position: 2 })
  expect((await log.verify()).findings).toEqual([])
}, 60_000)

function tokensOfConflicts(log: SharedLog): string[] {
  const events = log.conflicts().flatMap(({ appends }) => appends.flatMap((append) => append.events))
  return events.map(({ data }) => (data as OperationEvent['data']).token)
}
