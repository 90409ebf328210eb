import { describe, expect, test } from 'vitest'
import { Pace } from '../../../src/sync/shared/pace.ts'
import { simulate } from './pace-simulation.ts'

const MINUTE_MS = 60_000
const LOCAL = { fetch: 20, push: 45, cores: 2 }
const DISTANT = { fetch: 150, push: 300, cores: 100 }

describe('writers that always have something to push', () => {
  test.each([
    { writers: 2, costs: LOCAL },
    { writers: 4, costs: LOCAL },
    { writers: 8, costs: LOCAL },
    { writers: 2, costs: DISTANT },
    { writers: 8, costs: DISTANT },
  ])(
    'all get at least half of their share, with $writers of them and pushes of $costs.push ms',
    ({ writers, costs }) => {
      for (let seed = 1; seed <= 3; seed++) {
        const { taken } = simulate(writers, 2 * MINUTE_MS, costs, seed)
        const share = taken.reduce((sum, one) => sum + one) / writers
        expect(Math.min(...taken) / share).toBeGreaterThan(0.5)
      }
    },
  )

  test.each([
    { costs: LOCAL, name: 'on one machine' },
    { costs: DISTANT, name: 'over a network' },
  ])('get at least two thirds through of what one alone does, $name', ({ costs }) => {
    const pushes = (writers: number) =>
      simulate(writers, 2 * MINUTE_MS, costs, 1).taken.reduce((sum, one) => sum + one)
    const alone = pushes(1)
    for (const writers of [2, 4, 8]) expect(pushes(writers) / alone).toBeGreaterThan(2 / 3)
  })

  test('lose no more than a sixth of the time to breaks when there is only one', () => {
    const { taken } = simulate(1, MINUTE_MS, LOCAL, 1)
    expect(taken[0]).toBeGreaterThan((MINUTE_MS / LOCAL.push) * 0.85)
  })
})

test('a remote that cannot be reached is waited for twice as long each time, and never over half a minute', () => {
  const pace = new Pace()
  const waits = Array.from({ length: 12 }, () => {
    pace.fails()
    return pace.backoffMs(1, false)
  })
  expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800])
  expect(waits.at(-1)).toBe(30_000)
})

test('a wait for a remote that cannot be reached is never less than half of that', () => {
  const pace = new Pace()
  pace.fails()
  expect(pace.backoffMs(0, false)).toBe(50)
})

test('a remote that somebody waits for is tried again before long, however often it failed', () => {
  const pace = new Pace()
  for (let failures = 0; failures < 12; failures++) pace.fails()
  expect(pace.backoffMs(1, true)).toBe(2000)
})
