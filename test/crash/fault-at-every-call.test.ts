import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { FAULTS, FailingFileSystem, type Fault } from './failing-file-system.ts'
import { forgetLocks, LATER, observe } from './observation.ts'
import { Random } from './random.ts'
import { isFull, times } from './scale.ts'
import { type Prepared, prepare, runScenario, SCENARIOS, type Scenario } from './scenario.ts'
import { within } from './time-limit.ts'

/** How far apart the calls are that are hit, from a random one on: every single one in full. */
const STRIDE = times(80, 1)
const RUN_LIMIT_MS = 30_000

/** Runs a scenario in a file system, and checks the log after it. */
async function runWith(scenario: Scenario, prepared: Prepared, fileSystem: FileSystem): Promise<void> {
  // Of its own: a run that is given up may still be at work in its folder.
  const folder = mkdtempSync(`${prepared.folder}-`)
  cpSync(prepared.folder, folder, { recursive: true })
  try {
    const copy = { ...prepared, folder }
    const history = await within(RUN_LIMIT_MS, runScenario(scenario, copy, { fileSystem }))
    // The one who holds them is this very process.
    forgetLocks(`${folder}/log.git`)
    const observation = await within(RUN_LIMIT_MS, observe(`${folder}/log.git`, { ports: { clock: LATER } }))
    const anomalies = findAnomalies(history, observation, AFTER_A_KILL)
    if (anomalies.length > 0) throw new Error(JSON.stringify(anomalies))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs a scenario in which nothing goes wrong. @returns how many calls there are to hit for each fault */
async function countCalls(scenario: Scenario, prepared: Prepared): Promise<ReadonlyMap<Fault, number>> {
  const counters = new Map<Fault, FailingFileSystem>()
  let fileSystem: FileSystem = nodeFileSystem
  for (const fault of FAULTS) {
    const counter = new FailingFileSystem(fault, Number.POSITIVE_INFINITY, fileSystem)
    counters.set(fault, counter)
    fileSystem = counter
  }
  await runWith(scenario, prepared, fileSystem)
  return new Map([...counters].map(([fault, { seen }]) => [fault, seen]))
}

describe.each(SCENARIOS)('$name', (scenario) => {
  const folder = mkdtempSync(join(tmpdir(), 'memoir-fault-'))
  let prepared: Prepared
  let calls: ReadonlyMap<Fault, number>
  beforeAll(async () => {
    prepared = await prepare(scenario, `${folder}/prepared`)
    calls = await countCalls(scenario, prepared)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(FAULTS)(
    'keeps its promises with $name, whichever call is hit',
    async (fault) => {
      const broken: string[] = []
      const start = isFull ? 1 : 1 + new Random(Date.now()).below(STRIDE)
      // In full until a run ends without the fault: there may be more calls than in another run.
      const last = isFull ? Number.POSITIVE_INFINITY : calls.get(fault)!
      for (let nth = start, isHit = true; isHit && nth <= last && broken.length < 20; nth += STRIDE) {
        const fileSystem = new FailingFileSystem(fault, nth)
        await runWith(scenario, prepared, fileSystem).catch((error: unknown) => {
          broken.push(`at call ${nth}: ${error}`)
        })
        isHit = fileSystem.hasFailed
      }
      expect(broken).toEqual([])
    },
    3_600_000,
  )
})
