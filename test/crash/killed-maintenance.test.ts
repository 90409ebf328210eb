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
/** Enough for a lock that a killed git left to get old, and for maintenance behind it, on a machine that does much else. */
const LAST_LIFE = 50_000

test(
  `a writer that maintains its repository under load, killed ${CYCLES} times, loses and invents nothing`,
  async () => {
    const random = new Random(Date.now())
    const folder = temporaryFolder()
    for (let cycle = 0; cycle < CYCLES; ) {
      const path = `${folder}/log-${cycle}.git`
      const history = new History()
      const end = Math.min(cycle + CYCLES_A_LOG, CYCLES)
      let maintained = 0
      for (; cycle < end; cycle++) {
        const seed = random.below(2 ** 31)
        // On a machine so slow that no maintenance was done in any life of a log, it has to be done in the last.
        const isLastChance = cycle === end - 1 && maintained === 0
        const life = isLastChance ? LAST_LIFE : LONGEST_LIFE / 3 + random.below(LONGEST_LIFE)
        let timer: NodeJS.Timeout | undefined
        const ended = await runWriter(
          { path, name: `writer-${cycle}`, seed, clients: 4, maintain: true },
          {
            unsettled: history.unsettled,
            // From then on: on a slow machine a life from the start of its process would be over before it begins to work.
            onReady: (child) => {
              timer = setTimeout(() => child.kill('SIGKILL'), life)
            },
            onMaintained: (child) => {
              if (isLastChance) child.kill('SIGKILL')
            },
          },
        )
        clearTimeout(timer)
        expect(ended).toMatchObject({ failed: undefined, signal: 'SIGKILL' })
        maintained += ended.maintained
        for (const record of ended.records) history.add(record)
        expect(findAnomalies(history, await observe(path), AFTER_A_KILL), `cycle ${cycle}`).toEqual([])
        expect(fsck(path), `cycle ${cycle}`).toBe('')
      }
      expect(maintained).toBeGreaterThan(0)
      expect(readdirSync(`${path}/objects/pack`).some((name) => name.endsWith('.pack'))).toBe(true)
    }
  },
  CYCLES * 8000,
)
