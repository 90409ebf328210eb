import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fsck, temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { runWriter } from './writer-process.ts'

const CYCLES = times(8, 300)
const CYCLES_A_LOG = 25
/** In milliseconds: a round of maintenance takes about 100. */
const LONGEST_LIFE = 1500

test(
  `a writer that maintains its repository under load, killed ${CYCLES} times, loses and invents nothing`,
  async () => {
    const random = new Random(Date.now())
    const folder = temporaryFolder()
    let maintained = 0
    for (let cycle = 0; cycle < CYCLES; ) {
      const path = `${folder}/log-${cycle}.git`
      const history = new History()
      for (let round = 0; round < CYCLES_A_LOG && cycle < CYCLES; round++, cycle++) {
        const seed = random.below(2 ** 31)
        const life = LONGEST_LIFE / 3 + random.below(LONGEST_LIFE)
        let timer: NodeJS.Timeout | undefined
        const end = await runWriter(
          { path, name: `writer-${cycle}`, seed, clients: 4, maintain: true },
          {
            unsettled: history.unsettled,
            onSpawn: (child) => {
              timer = setTimeout(() => child.kill('SIGKILL'), life)
            },
          },
        )
        clearTimeout(timer)
        expect(end).toMatchObject({ failed: undefined, signal: 'SIGKILL' })
        maintained += end.maintained
        for (const record of end.records) history.add(record)
        expect(findAnomalies(history, await observe(path), AFTER_A_KILL), `cycle ${cycle}`).toEqual([])
        expect(fsck(path), `cycle ${cycle}`).toBe('')
      }
      expect(readdirSync(`${path}/objects/pack`).some((name) => name.endsWith('.pack'))).toBe(true)
    }
    expect(maintained).toBeGreaterThan(0)
  },
  CYCLES * 8000,
)
