import { readdirSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fsck } from '../log/event-log-fixture.ts'
import { AFTER_A_POWER_CUT, type Anomaly, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { LoopDisk, whyNoMount } from './mount.ts'
import { LATER, observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import type { WriterOrders } from './writer.ts'
import { runWriter } from './writer-process.ts'

const CYCLES = times(5, 100)
/** A log is replaced after so many: the disk is small. */
const CYCLES_A_LOG = 10

describe.each(['ext4', 'xfs'] as const)('on %s', (kind) => {
  const reason = whyNoMount('losetup', 'gcc', `mkfs.${kind}`)
  const title = (name: string) => (reason === undefined ? name : `${name} (skipped: ${reason})`)

  it.skipIf(reason !== undefined)(
    title(`nothing that was acknowledged is lost when the power goes ${CYCLES} times`),
    async () => {
      const disk = new LoopDisk(kind)
      const random = new Random(Date.now())
      for (let cycle = 0; cycle < CYCLES; ) {
        const path = `${disk.path}/log-${cycle}.git`
        const history = new History()
        for (let round = 0; round < CYCLES_A_LOG && cycle < CYCLES; round++, cycle++) {
          const anomalies = await cutAndCheck(disk, path, cycle, random, history, {})
          expect(anomalies, `cycle ${cycle}`).toEqual([])
        }
        expect(history.acknowledged).toBeGreaterThan(0)
      }
    },
    CYCLES * 30_000,
  )

  it.skipIf(reason !== undefined)(
    title(`nor when it goes ${CYCLES} times while the repository is maintained`),
    async () => {
      const disk = new LoopDisk(kind)
      const random = new Random(Date.now())
      const path = `${disk.path}/log.git`
      const history = new History()
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        const anomalies = await cutAndCheck(disk, path, cycle, random, history, { maintain: true })
        expect(anomalies, `cycle ${cycle}`).toEqual([])
        expect(fsck(path), `cycle ${cycle}`).toBe('')
      }
    },
    CYCLES * 30_000,
  )

  it.skipIf(reason !== undefined)(
    title(`nor when it goes ${CYCLES} times while so much is sealed that it is packed`),
    async () => {
      const disk = new LoopDisk(kind)
      const random = new Random(Date.now())
      let packs = 0
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        const path = `${disk.path}/log.git`
        const much = { clients: 8, fillerLength: 500_000, sealBytes: 1 << 20, mostRecords: 80 }
        const anomalies = await cutAndCheck(disk, path, cycle, random, new History(), much)
        expect(anomalies, `cycle ${cycle}`).toEqual([])
        expect(fsck(path), `cycle ${cycle}`).toBe('')
        packs += readdirSync(`${path}/objects/pack`).filter((name) => name.endsWith('.idx')).length
        rmSync(path, { recursive: true })
      }
      expect(packs).toBeGreaterThan(0)
    },
    CYCLES * 30_000,
  )

  it.skipIf(reason !== undefined)(
    title('a writer whose syncs were taken out is found out'),
    async () => {
      const disk = new LoopDisk(kind)
      const check = cutAndCheck(disk, `${disk.path}/log.git`, 0, new Random(1), new History(), {
        withoutSync: true,
      })
      // Either the log cannot be opened any more, or what it holds is not what was acknowledged.
      const found = await check.then(
        (anomalies) => anomalies.map(({ kind }) => kind),
        (error: unknown) => [String(error)],
      )
      expect(found).not.toEqual([])
    },
    60_000,
  )
})

/** Cuts the power under a working writer, starts the machine again and looks at the log. */
async function cutAndCheck(
  disk: LoopDisk,
  path: string,
  cycle: number,
  random: Random,
  history: History,
  { mostRecords = 320, ...how }: Partial<WriterOrders> & { readonly mostRecords?: number },
): Promise<Anomaly[]> {
  const orders = { path, name: `writer-${cycle}`, seed: random.below(2 ** 31), clients: 4, ...how }
  const lastRecord = 20 + random.below(mostRecords - 20)
  let isOff = false
  const end = await runWriter(orders, {
    unsettled: history.unsettled,
    onMessage: (child, records) => {
      if (isOff || records < lastRecord) return
      isOff = true
      disk.cutPower()
      // What it still says was acknowledged before, or is an error: nothing reaches the disk any more.
      child.kill('SIGTERM')
    },
  })
  if (!isOff) throw new Error(`the writer ended by itself: ${end.failed}`)
  for (const record of end.records) history.add(record)
  disk.unmount()
  disk.mount()
  const observation = await observe(path, { ports: { clock: LATER } })
  return findAnomalies(history, observation, AFTER_A_POWER_CUT)
}
