import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BundleRange, bundleName, isBundleName, sizeOf } from '../../../src/sync/backup/bundle-range.ts'
import { planBundle } from '../../../src/sync/backup/levels.ts'

/** What backups at these positions leave, and how many events they wrote in all. */
function backUpAt(positions: readonly number[]): { bundles: readonly BundleRange[]; written: number } {
  let bundles: readonly BundleRange[] = []
  let written = 0
  for (const position of positions) {
    const { first, last, kept } = planBundle(bundles, position)
    bundles = [...kept, { first, last }]
    written += last - first + 1
  }
  return { bundles, written }
}

/** Ascending positions: how many events come between two backups. */
const positions = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 10_000 })), {
    minLength: 1,
    maxLength: 300,
  })
  .map((steps) => {
    let sum = -1
    return steps.map((step) => {
      sum += step
      return sum
    })
  })

describe('the bundles of a backup', () => {
  it('hold every event once, in order, from the start of the log', () => {
    fc.assert(
      fc.property(positions, (positions) => {
        const { bundles } = backUpAt(positions)
        expect(bundles[0]!.first).toBe(0)
        expect(bundles.at(-1)!.last).toBe(positions.at(-1))
        for (const [at, { first }] of bundles.slice(1).entries()) expect(first).toBe(bundles[at]!.last + 1)
      }),
    )
  })

  it('fall by half from one to the next, so there are few', () => {
    fc.assert(
      fc.property(positions, (positions) => {
        const { bundles } = backUpAt(positions)
        for (const [at, bundle] of bundles.slice(1).entries()) {
          expect(sizeOf(bundles[at]!)).toBeGreaterThanOrEqual(2 * sizeOf(bundle))
        }
        expect(bundles.length).toBeLessThanOrEqual(Math.log2(positions.at(-1)! + 1) + 1)
      }),
    )
  })

  it('are written few times over', () => {
    fc.assert(
      fc.property(positions, (positions) => {
        const { written } = backUpAt(positions)
        const events = positions.at(-1)! + 1
        expect(written).toBeLessThanOrEqual(events * (1 + Math.log(events) / Math.log(1.5)))
      }),
    )
  })

  it('are 14 at most, and written less than 9 times over, for ten thousand backups of one event each', () => {
    const { bundles, written } = backUpAt(Array.from({ length: 10_000 }, (_, at) => at))
    expect(bundles.length).toBeLessThanOrEqual(14)
    expect(written / 10_000).toBeLessThan(9)
  })

  it('are replaced only by one that holds them whole', () => {
    fc.assert(
      fc.property(positions, fc.integer({ min: 1, max: 5000 }), (positions, more) => {
        const { bundles } = backUpAt(positions)
        const last = positions.at(-1)! + more
        const plan = planBundle(bundles, last)
        expect([...plan.kept, ...plan.replaced]).toEqual(bundles)
        expect(plan.first).toBe(plan.replaced[0]?.first ?? bundles.at(-1)!.last + 1)
        expect(plan.last).toBe(last)
      }),
    )
  })

  it('are named by their first and last position in twelve digits', () => {
    expect(bundleName({ first: 43, last: 1_000_000 })).toBe('000000000043-000001000000.bundle')
    expect(isBundleName('000000000043-000001000000.bundle')).toBe(true)
    expect(isBundleName('43-50.bundle')).toBe(false)
    expect(isBundleName('000000000043-000001000000.bundle.tmp')).toBe(false)
  })
})
