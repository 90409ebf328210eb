import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { runWriter } from './writer-process.ts'

const CYCLES = times(25, 1000)
/** A log is replaced after so many cycles: each check replays all of it. */
const CYCLES_A_LOG = 25
/** The longest that a writer lives once it has been started, in milliseconds: it takes about 200 to open. */
const LONGEST_LIFE = 500

test(
  `a writer killed ${CYCLES} times at random moments loses and invents nothing`,
  async () => {
    const random = new Random(Date.now())
    const folder = temporaryFolder()
    let acknowledged = 0
    for (let cycle = 0; cycle < CYCLES; ) {
      const path = `${folder}/log.git`
      const history = new History()
      for (let round = 0; round < CYCLES_A_LOG && cycle < CYCLES; round++, cycle++) {
        const orders = { path, name: `writer-${cycle}`, seed: random.below(2 ** 31), clients: 4 }
        const isCounted = random.chance(0.5)
        const lastRecord = 1 + random.below(200)
        let timer: NodeJS.Timeout | undefined
        const end = await runWriter(orders, {
          unsettled: history.unsettled,
          onSpawn: (child) => {
            if (!isCounted) timer = setTimeout(() => child.kill('SIGKILL'), random.below(LONGEST_LIFE))
          },
          onMessage: (child, records) => {
            if (isCounted && records >= lastRecord) child.kill('SIGKILL')
          },
        })
        clearTimeout(timer)
        expect(end).toMatchObject({ failed: undefined, signal: 'SIGKILL' })
        for (const record of end.records) history.add(record)
        expect(findAnomalies(history, await observe(path), AFTER_A_KILL), `cycle ${cycle}`).toEqual([])
      }
      acknowledged += history.acknowledged
      rmSync(path, { recursive: true })
    }
    expect(acknowledged).toBeGreaterThan(CYCLES)
  },
  CYCLES * 5000,
)
