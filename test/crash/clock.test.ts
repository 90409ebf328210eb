import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { observe } from './observation.ts'
import { startSession } from './scenario.ts'
import { tallies } from './tally.ts'

const HOUR = 3_600_000

test('keeps events in order, and never a time before the last, while the clock jumps about', async () => {
  const path = `${temporaryFolder()}/log.git`
  const history = new History()
  const session = startSession('jumping', (record) => history.add(record))
  let ahead = 0
  const clock = { now: () => Date.now() + ahead }
  for (const jump of [0, -HOUR, 24 * HOUR, -HOUR, -24 * HOUR, 2 * HOUR]) {
    ahead += jump
    const log = await open(path, { projections: [tallies], ports: { clock }, seal: { afterMs: 1 } })
    await session.append(log, 4, 2)
    ahead -= HOUR
    await session.append(log, 4, 2)
    await log.close()
  }
  const observation = await observe(path)
  expect(findAnomalies(history, observation, AFTER_A_KILL)).toEqual([])
  expect(observation.events.length).toBeGreaterThan(40)
  // The clock was once a day ahead: what came later was recorded at the last of those times.
  expect(observation.events.at(-1)!.time > new Date(Date.now() + 20 * HOUR).toISOString()).toBe(true)
})
