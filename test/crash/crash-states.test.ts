import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import type { OpenOptions } from '../../src/options.ts'
import type { FileSystem } from '../../src/system/file-system.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { BesideGit } from '../system/beside-git.ts'
import { CrashFileSystem, type PowerCut, randomSurvivors } from '../system/crash-file-system.ts'
import { AFTER_A_POWER_CUT, findAnomalies } from './checker.ts'
import { History, type HistoryRecord } from './history.ts'
import { forgetLocks, LATER, observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { type Session, startSession } from './scenario.ts'
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

const BY_HAND: OpenOptions = { projections: [tallies], seal: { afterMs: 3_600_000, maxBytes: 4000 } }
/** For runs whose large appends wait to be sealed together. */
const PATIENT: OpenOptions = { ...BY_HAND, seal: { afterMs: 3_600_000, maxBytes: 1 << 24 } }

interface Recorded {
  readonly disk: CrashFileSystem
  /** With the number of steps that the disk had made by then. */
  readonly records: readonly { readonly steps: number; readonly record: HistoryRecord }[]
}

interface Run {
  readonly options?: OpenOptions
  /** What is done with a new log until the power is cut. */
  readonly work: (log: Log, session: Session, path: string) => Promise<void>
}

const RUNS: Readonly<Record<string, Run>> = {
  'appends, seals and folds': {
    async work(log, session) {
      for (let round = 0; round < 5; round++) {
        await session.append(log, 2, 2)
        await log.seal()
      }
      await log.fold()
      await session.append(log, 2, 2)
    },
  },
  'maintains its repository': {
    async work(log, session) {
      let merged = 0
      for (let round = 0; round < 5; round++) {
        await session.append(log, 2, 2)
        await log.seal()
        await Promise.all([
          log.maintain().then(({ mergedPacks }) => {
            merged += mergedPacks
          }),
          session.append(log, 1),
        ])
      }
      expect(merged).toBeGreaterThan(0)
    },
  },
  'seals into packs': {
    options: PATIENT,
    async work(log, session, path) {
      for (let round = 1; round <= 2; round++) {
        await session.append(log, 1)
        await session.appendLarge(log, 3)
        await log.seal()
        expect(readdirSync(`${path}/objects/pack`)).toHaveLength(2 * round)
      }
      await session.append(log, 2)
    },
  },
}

async function recordRun(root: string, { options = BY_HAND, work }: Run): Promise<Recorded> {
  const disk = await CrashFileSystem.over(root)
  const records: { steps: number; record: HistoryRecord }[] = []
  const session = startSession('run', (record) => records.push({ steps: disk.steps, record }))
  const path = `${root}/log.git`
  const log = await open(path, {
    ...options,
    snapshot: { everyEvents: 10 },
    ports: { fileSystem: besideGit(disk, `${path}/objects`) },
  })
  await work(log, session, path)
  await log.close()
  return { disk, records }
}

/** Where maintenance lets git write. Git syncs what it writes there, but for the list of its commit-graphs. */
function besideGit(disk: CrashFileSystem, objects: string): FileSystem {
  const folders = [`${objects}/pack`, `${objects}/info/commit-graphs`]
  return new BesideGit(disk, folders, (path) => !path.endsWith('/commit-graph-chain'))
}

/** Each run is made once, and the power cut in it with each kind of disk. */
const recordings = new Map<string, Promise<Recorded>>()
const root = mkdtempSync(join(tmpdir(), 'memoir-crash-states-'))
afterAll(() => rmSync(root, { recursive: true }))

function recording(run: string): Promise<Recorded> {
  const made = recordings.get(run) ?? recordRun(mkdtempSync(`${root}/`), RUNS[run]!)
  recordings.set(run, made)
  return made
}

/** The states that were checked, with what was known of each: many steps and disks leave the same. */
const checked = new Set<string>()

const CASES = Object.keys(RUNS).flatMap((run) => Object.keys(DISKS).map((disk) => [run, disk] as const))

test.each(CASES)(
  'a log that %s keeps its promises wherever the power is cut, with all %s',
  async (run, name) => {
    const { disk, records } = await recording(run)
    const target = temporaryFolder()
    for (let at = new Random(Date.now()).below(STRIDE); at <= disk.steps; at += STRIDE) {
      rmSync(target, { recursive: true })
      mkdirSync(target)
      const state = await disk.crash({ at, ...DISKS[name]!(at), target })
      const known = records.filter(({ steps }) => steps <= at).map(({ record }) => record)
      if (checked.has(`${run} ${known.length} ${state}`)) continue
      checked.add(`${run} ${known.length} ${state}`)
      forgetLocks(`${target}/log.git`)
      const history = History.of(known)
      const check = async (moment: string) => {
        const observation = await observe(`${target}/log.git`, { ports: { clock: LATER } })
        const anomalies = findAnomalies(history, observation, AFTER_A_POWER_CUT)
        expect(anomalies, `${moment} the power was cut at step ${at}`).toEqual([])
      }
      await check('after')
      const log = await open(`${target}/log.git`, { ...BY_HAND, ports: { clock: LATER } })
      await startSession('after', (record) => history.add(record)).append(log, 2)
      await log.seal()
      await log.maintain()
      await log.close()
      await check('and when it had gone on after')
    }
  },
  3_600_000,
)
