import type { ChildProcess } from 'node:child_process'
import { symlinkSync, unlinkSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import type { SharedLog } from '../../src/shared-log.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History, type HistoryRecord, inOrder, type OperationEvent } from './history.ts'
import { observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { tallies } from './tally.ts'
import { runWriter } from './writer-process.ts'

const WRITERS = 8
// With fewer, the start of a process and one cut would count for more of a share than the pace does.
const OPERATIONS = times(1000, 20_000)
const CLIENTS = times(8, 32)
/** About how often a writer is killed, and loses sight of the remote, in milliseconds. */
const KILL_EVERY_MS = times(4000, 2500)
const CUT_EVERY_MS = times(1500, 1000)
const LONGEST_CUT_MS = 600
/** When it counts as hanging. Alone it takes a fifth of this, beside tests that keep two processors busy more than half. */
const MOST_MS = OPERATIONS * 200 + 120_000

test(
  `${WRITERS} processes over one remote, killed and cut off at random, make ${OPERATIONS} appends without an anomaly, and none starves`,
  async () => {
    const random = new Random(Date.now())
    const folder = temporaryFolder()
    await (await open(`${folder}/remote.git`)).close()
    await openEach(folder, async () => undefined)
    const run = new Run(folder, random)
    await run.untilSettled()

    const conflicts = await settleAll(folder)
    const history = History.of(inOrder(run.records))
    const observation = { ...(await observe(`${folder}/remote.git`)), conflicts }
    expect(findAnomalies(history, observation, AFTER_A_KILL)).toEqual([])
    const settled = run.settledByWriter
    const share = settled.reduce((sum, one) => sum + one) / WRITERS
    console.log(`${run.kills} kills, ${run.cuts} cuts, ${conflicts.length} conflicts, by writer: ${settled}`)
    expect(Math.min(...settled)).toBeGreaterThanOrEqual(share / 4)
  },
  MOST_MS + 60_000,
)

/** Opens the clone of one writer after the other, made when it is missing. */
async function openEach(folder: string, look: (log: SharedLog) => Promise<void>): Promise<void> {
  for (let writer = 0; writer < WRITERS; writer++) {
    const path = `${folder}/clone-${writer}.git`
    const log = await open(path, { mode: 'shared', remote: `${folder}/remote.git`, projections: [tallies] })
    await look(log)
    await log.close()
  }
}

/** Lets every clone push what it accepted. @returns tokens of the operations that are conflicts */
async function settleAll(folder: string): Promise<string[]> {
  const tokens = new Set<string>()
  await openEach(folder, async (log) => {
    await log.push()
    const events = log.conflicts().flatMap(({ appends }) => appends.flatMap((append) => append.events))
    for (const { data } of events) tokens.add((data as OperationEvent['data']).token)
  })
  return [...tokens]
}

/** Processes that write, and what befalls them. */
class Run {
  readonly records: HistoryRecord[] = []
  readonly settledByWriter: number[] = Array.from({ length: WRITERS }, () => 0)
  kills = 0
  cuts = 0
  private readonly children = new Map<number, ChildProcess>()
  private isEnding = false

  constructor(
    private readonly folder: string,
    private readonly random: Random,
  ) {}

  /** Lets them write until `OPERATIONS` have come to an end. */
  async untilSettled(): Promise<void> {
    const writers = Array.from({ length: WRITERS }, (_, writer) => this.keepRunning(writer))
    const weather = [this.killAtRandom(), this.cutAtRandom()]
    await Promise.all([...writers, ...weather])
  }

  private async keepRunning(writer: number): Promise<void> {
    symlinkSync(`${this.folder}/remote.git`, this.way(writer))
    const own = new History()
    for (let life = 0; !this.isEnding; life++) {
      const end = await runWriter(
        {
          path: `${this.folder}/clone-${writer}.git`,
          remote: this.way(writer),
          name: `writer-${writer}.${life}`,
          seed: this.random.below(2 ** 31),
          clients: CLIENTS,
        },
        {
          unsettled: own.unsettled,
          limitMs: MOST_MS,
          onSpawn: (child) => void this.children.set(writer, child),
          onRecord: (record) => {
            if (!('ended' in record)) return
            this.settledByWriter[writer]!++
            if (this.settledByWriter.reduce((sum, one) => sum + one) >= OPERATIONS) this.end()
          },
        },
      )
      this.children.delete(writer)
      expect(end.failed).toBeUndefined()
      for (const record of end.records) own.add(record)
      this.records.push(...end.records)
    }
  }

  private end(): void {
    if (this.isEnding) return
    this.isEnding = true
    for (const child of this.children.values()) child.kill('SIGTERM')
  }

  private async killAtRandom(): Promise<void> {
    while (!this.isEnding) {
      await wait(this.random.below(2 * KILL_EVERY_MS))
      const child = this.children.get(this.random.below(WRITERS))
      if (child === undefined || this.isEnding) continue
      child.kill('SIGKILL')
      this.kills++
    }
  }

  private async cutAtRandom(): Promise<void> {
    while (!this.isEnding) {
      await wait(this.random.below(2 * CUT_EVERY_MS))
      const way = this.way(this.random.below(WRITERS))
      unlinkSync(way)
      await wait(this.random.below(LONGEST_CUT_MS))
      symlinkSync(`${this.folder}/remote.git`, way)
      this.cuts++
    }
  }

  private way(writer: number): string {
    return `${this.folder}/way-${writer}`
  }
}
