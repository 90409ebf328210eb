import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { forgetLocks, observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { tallies } from './tally.ts'
import { Client } from './workload.ts'

const OPERATIONS = times(20_000, 200_000)
const CLIENTS = 16
/** A log is replaced after so many: the checker holds all its events in memory. */
const OPERATIONS_A_LOG = 20_000

/** A disk on which about one call in so many fails. */
function flakyDisk(random: Random): FileSystem {
  const disk = new FaultyFileSystem(nodeFileSystem)
  const ever = Number.POSITIVE_INFINITY
  const rarely = (once: number) => random.below(once) === 0
  disk.fail({
    on: ({ method }) => method === 'write' && rarely(300),
    times: ever,
    effect: { kind: 'short', bytes: 40 },
  })
  disk.fail({
    on: ({ method }) => (method === 'write' || method === 'open') && rarely(600),
    times: ever,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  disk.fail({
    on: ({ method }) => method !== 'close' && rarely(4000),
    times: ever,
    effect: { kind: 'error', code: 'EIO', late: random.chance(0.5) },
  })
  return disk
}

test(
  `${CLIENTS} clients make ${OPERATIONS} operations on failing disks without an anomaly`,
  async () => {
    const random = new Random(Date.now())
    for (let done = 0; done < OPERATIONS; done += OPERATIONS_A_LOG) {
      const path = `${temporaryFolder()}/log.git`
      const history = new History()
      for (let round = 0; history.attempted.size < OPERATIONS_A_LOG; round++) {
        await workUntilItFails(path, round, random, history)
      }
      expect(history.acknowledged).toBeGreaterThan(OPERATIONS_A_LOG / 2)
      expect(findAnomalies(history, await observe(path), AFTER_A_KILL)).toEqual([])
    }
  },
  OPERATIONS * 20,
)

async function workUntilItFails(
  path: string,
  round: number,
  random: Random,
  history: History,
): Promise<void> {
  const options = { projections: [tallies], seal: { afterMs: 20 }, snapshot: { everyEvents: 2000 } }
  const ports = { fileSystem: flakyDisk(random) }
  const log = await open(path, { ...options, ports }).catch(() => undefined)
  // A lock that could not be given back is held by this very process.
  if (log === undefined) return forgetLocks(path)
  const { unsettled } = history
  const clients = Array.from({ length: CLIENTS }, (_, number) => {
    const record = history.add.bind(history)
    return new Client({ log, random, name: `${round}.${number}`, record })
  })
  await Promise.all(unsettled.map((operation) => clients[0]!.try(operation)))
  await Promise.all(
    clients.map(async (client) => {
      while (log.status().problem === undefined && history.attempted.size < OPERATIONS_A_LOG)
        await client.step()
    }),
  )
  await log.close().catch(() => undefined)
  forgetLocks(path)
}
