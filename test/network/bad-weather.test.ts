import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { follow, type Log, open, type Replica } from '../../src/index.ts'
import { AFTER_A_KILL, findAnomalies } from '../crash/checker.ts'
import { History, type HistoryRecord } from '../crash/history.ts'
import { observe } from '../crash/observation.ts'
import { Random } from '../crash/random.ts'
import { times } from '../crash/scale.ts'
import { tallies } from '../crash/tally.ts'
import { within } from '../crash/time-limit.ts'
import { Client } from '../crash/workload.ts'
import { git } from '../repository/real-git.ts'
import { createNetwork, type Network } from './network.ts'
import { expectPrefix, expectSound, lookWhile, makeOld } from './soundness.ts'
import { Weather } from './weather.ts'

const CLIENTS = 3
const OPERATIONS = times(12, 400)
const LOOKS = times(3, 60)
/** No weather holds an append up for so long: a git that hangs is stopped after two minutes only. */
const LIMIT_MS = 100_000

test(`${CLIENTS * OPERATIONS} appends, pushed and followed in bad weather, are where they are said to be`, async () => {
  const random = new Random(Date.now())
  const network = await createNetwork({ scheme: 'http' })
  const paths = { writer: `${network.folder}/log.git`, replica: `${network.folder}/replica.git` }
  const records: HistoryRecord[] = []
  const writer = await open(paths.writer, {
    remote: network.address,
    projections: [tallies],
    seal: { afterMs: 3, maxBytes: 20_000 },
    // By itself too, as often as it likes.
    push: { every: 100, maxUnpushed: 20, hosts: { '127.0.0.1': { pushesAMinute: 6_000 } } },
  })
  await writer.push()
  const replica = await follow(network.address, paths.replica, {
    projections: [tallies],
    poll: { fastestMs: 20, slowestMs: 200 },
    timeoutMs: 2_000,
    stateDirectory: `${network.folder}/state`,
  })
  const weather = new Weather(network.proxy, random)
  weather.start()
  const work = Array.from({ length: CLIENTS }, async (_, number) => {
    const ackLevels = ['journaled', 'committed', 'pushed'] as const
    const record = (one: HistoryRecord) => void records.push(one)
    const client = new Client({ log: writer, random, name: `client-${number}`, record, ackLevels })
    for (let done = 0; done < OPERATIONS; done++) await within(LIMIT_MS, client.step())
  })
  await lookWhile(work, LOOKS, async () => {
    await expectPrefix(paths.replica, network.remote)
    await expectPrefix(network.remote, paths.writer)
    await expectPromisesKept(network, records)
  })
  await weather.clear()

  await within(LIMIT_MS, writer.push())
  await catchUp(replica, writer)
  expect(replica.state(tallies)).toEqual(writer.state(tallies))
  makeOld(paths.replica)
  await replica.pull()
  await replica.close()
  await writer.close()
  await expectSound(network, paths.writer)
  await expectSound(network, paths.replica)
  for (const path of [paths.writer, paths.replica, network.remote]) {
    expect(findAnomalies(History.of(records), await observe(path), AFTER_A_KILL), path).toEqual([])
  }
}, 3_600_000)

/** That the remote, were it all that is left, holds what was acknowledged as pushed so far. */
async function expectPromisesKept(
  { remote, folder }: Network,
  records: readonly HistoryRecord[],
): Promise<void> {
  const acknowledged = records.length
  const copy = `${folder}/survivor.git`
  git(folder, ['clone', '--quiet', '--bare', remote, copy])
  // What was only begun may have arrived already; what failed to be pushed is promised to the disk here alone.
  const isKnown = (record: HistoryRecord, at: number) =>
    'begun' in record || (at < acknowledged && record.outcome.kind !== 'stored')
  const history = History.of(records.filter(isKnown))
  expect(findAnomalies(history, await observe(copy), ['pushed'])).toEqual([])
  rmSync(copy, { recursive: true })
}

async function catchUp(replica: Replica, writer: Log): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  replica.poke()
  await replica.waitFor(writer.status().positions.branch, { signal })
}
