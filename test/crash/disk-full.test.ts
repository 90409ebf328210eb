import { describe, expect, it } from 'vitest'
import { open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { mountTmpfs, whyNoMount } from './mount.ts'
import { observe } from './observation.ts'
import { startSession } from './scenario.ts'
import { tallies } from './tally.ts'

const reason = whyNoMount()
const title = (name: string) => (reason === undefined ? name : `${name} (skipped: ${reason})`)
const BY_HAND = { projections: [tallies], seal: { afterMs: 3_600_000 } }

async function count(log: Log): Promise<number> {
  let found = 0
  for await (const _ of log.read()) found++
  return found
}

function isRefused(history: History): boolean {
  const outcomes = [...history.attempted.values()].flatMap((attempted) => attempted.outcomes)
  return outcomes.some((outcome) => outcome.kind === 'rejected' && outcome.code === 'journal-full')
}

describe.skipIf(reason !== undefined)(title('a disk without room'), () => {
  it('of 256 kB refuses the first append, is read, and takes it when there is room', async () => {
    const disk = mountTmpfs('size=256k')
    const log = await open(`${disk.path}/log.git`, BY_HAND)
    const append = () => log.append('s', [{ type: 'Changed', data: {} }], { expectedVersion: 'no-stream' })
    await expect(append()).rejects.toMatchObject({ code: 'journal-full' })
    expect(await count(log)).toBe(0)
    disk.remount('size=4m')
    expect(await append()).toMatchObject({ position: 1 })
    await log.close()
    expect((await observe(`${disk.path}/log.git`)).findings).toEqual([])
  })

  it('in the midst of work refuses appends, is read, and goes on without repair when there is room', async () => {
    const disk = mountTmpfs('size=900k')
    const path = `${disk.path}/log.git`
    const history = new History()
    const session = startSession('client', (record) => history.add(record))
    const log = await open(path, BY_HAND)
    for (let tries = 0; tries < 2000 && !isRefused(history); tries++) await session.append(log, 5, 4)
    expect(isRefused(history)).toBe(true)
    const { events } = log.status()
    expect(events).toBeGreaterThan(50)
    expect(await count(log)).toBe(events)
    expect(log.state(tallies).size).toBe(log.streams().length)
    disk.remount('size=16m')
    const acknowledged = history.acknowledged
    await session.append(log, 5, 4)
    expect(history.acknowledged).toBeGreaterThan(acknowledged)
    await log.close()
    expect(findAnomalies(history, await observe(path), AFTER_A_KILL)).toEqual([])
  })

  it('and out of inodes commits nothing, loses nothing, and commits when there are some', async () => {
    const disk = mountTmpfs('size=16m,nr_inodes=64')
    const path = `${disk.path}/log.git`
    const history = new History()
    const session = startSession('client', (record) => history.add(record))
    const log = await open(path, BY_HAND)
    let failure: unknown
    for (let round = 0; round < 30 && failure === undefined; round++) {
      await session.append(log, 2, 2)
      failure = await log.seal().catch((error: { code: unknown }) => error.code)
    }
    expect(failure).toBe('seal-failed')
    expect(await count(log)).toBe(log.status().events)
    disk.remount('size=16m,nr_inodes=4096')
    await log.seal()
    expect(log.status().unsealed).toBe(0)
    await log.close()
    expect(findAnomalies(history, await observe(path), AFTER_A_KILL)).toEqual([])
  })
})
