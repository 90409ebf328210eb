import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { firstPace, nextPace, type Outcome } from '../../../src/sync/replica/pace.ts'

const BOUNDS = { fastestMs: 1000, slowestMs: 30_000 }
const outcomes = fc.constantFrom<Outcome>('news', 'nothing', 'failed')

function delays(run: readonly Outcome[], chance: number): number[] {
  let pace = firstPace(BOUNDS)
  return run.map((outcome) => {
    pace = nextPace(pace, outcome, BOUNDS, chance)
    return Math.round(pace.delayMs)
  })
}

describe('the pace of a replica', () => {
  test('is the fastest while events come', () => {
    expect(delays(['nothing', 'nothing', 'news', 'news'], 0)).toEqual([1500, 2250, 1000, 1000])
  })

  test('slows down while none come, to a bound', () => {
    expect(delays(Array(12).fill('nothing'), 0).slice(-2)).toEqual([30_000, 30_000])
  })

  test('doubles with each failure, to a bound', () => {
    expect(delays(Array(7).fill('failed'), 1)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  test('varies by half after a failure, so that many replicas do not come back at once', () => {
    expect(delays(['failed', 'failed'], 0)).toEqual([500, 1000])
  })

  test('is the fastest again when the remote is back', () => {
    expect(delays(['nothing', 'nothing', 'failed', 'nothing'], 0).at(-1)).toBe(1000)
  })

  test('keeps to its bounds whatever happens', () => {
    fc.assert(
      fc.property(fc.array(outcomes), fc.double({ min: 0, max: 1, noNaN: true }), (run, chance) => {
        for (const delay of delays(run, chance)) {
          expect(delay).toBeGreaterThanOrEqual(BOUNDS.fastestMs / 2)
          expect(delay).toBeLessThanOrEqual(BOUNDS.slowestMs)
        }
      }),
    )
  })
})
