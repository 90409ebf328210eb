import { mkdirSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { CrashFileSystem, type PowerCut, randomSurvivors } from '../system/crash-file-system.ts'
import { AFTER_A_POWER_CUT, findAnomalies } from './checker.ts'
import { History, type HistoryRecord } from './history.ts'
import { forgetLocks, LATER, observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { startSession } from './scenario.ts'
import { tallies } from './tally.ts'

/** How far apart the moments are at which the power is cut: every single step in full. */
const STRIDE = times(60, 1)

/** What a disk may do with what was not synced. */
const DISKS: Readonly<Record<string, (seed: number) => Pick<PowerCut, 'survives' | 'keepsLength'>>> = {
  'that was not synced missing': () => ({ survives: () => false }),
  'that was not synced zeroed': (seed) => ({ survives: randomSurvivors(seed, 0.2), keepsLength: true }),
  'that was not synced halved': (seed) => ({ survives: randomSurvivors(seed, 0.5) }),
  'that was not synced there': () => ({ survives: () => true }),
}

interface Recorded {
  readonly disk: CrashFileSystem
  /** With the number of steps that the disk had made by then. */
  readonly records: readonly { readonly steps: number; readonly record: HistoryRecord }[]
}

/** Creates a log, appends, seals and folds, snapshots included. */
async function recordRun(root: string): Promise<Recorded> {
  const disk = await CrashFileSystem.over(root)
  const records: { steps: number; record: HistoryRecord }[] = []
  const session = startSession('run', (record) => records.push({ steps: disk.steps, record }))
  const log = await open(`${root}/log.git`, {
    projections: [tallies],
    seal: { afterMs: 3_600_000, maxBytes: 4000 },
    snapshot: { everyEvents: 10 },
    ports: { fileSystem: disk },
  })
  for (let round = 0; round < 5; round++) {
    await session.append(log, 2, 2)
    await log.seal()
  }
  await log.fold()
  await session.append(log, 2, 2)
  await log.close()
  return { disk, records }
}

test.each(Object.keys(DISKS))(
  'keeps its promises wherever the power is cut, with all %s',
  async (name) => {
    const root = temporaryFolder()
    const { disk, records } = await recordRun(root)
    const target = temporaryFolder()
    for (let at = new Random(Date.now()).below(STRIDE); at <= disk.steps; at += STRIDE) {
      rmSync(target, { recursive: true })
      mkdirSync(target)
      await disk.crash({ at, ...DISKS[name]!(at), target })
      forgetLocks(`${target}/log.git`)
      const known = records.filter(({ steps }) => steps <= at).map(({ record }) => record)
      const history = History.of(known)
      const check = async (moment: string) => {
        const observation = await observe(`${target}/log.git`, { ports: { clock: LATER } })
        const anomalies = findAnomalies(history, observation, AFTER_A_POWER_CUT)
        expect(anomalies, `${moment} the power was cut at step ${at}`).toEqual([])
      }
      await check('after')
      const log = await open(`${target}/log.git`, { projections: [tallies], ports: { clock: LATER } })
      await startSession('after', (record) => history.add(record)).append(log, 2)
      await log.close()
      await check('and when it had gone on after')
    }
  },
  3_600_000,
)
