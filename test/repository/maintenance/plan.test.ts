import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pack } from '../../../src/repository/maintenance/disk-usage.ts'
import { isMaintenanceDue, PACK_BYTES, packsToMerge } from '../../../src/repository/maintenance/plan.ts'

const packs = (...sizes: readonly number[]): Pack[] =>
  sizes.map((bytes, at) => ({ name: `pack-${at}`, bytes, isKept: false }))
const sizesOf = (some: readonly Pack[]) => some.map(({ bytes }) => bytes)
const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)

describe('packs to merge', () => {
  it('are none when each is twice as large as all smaller ones together', () => {
    expect(packsToMerge(packs(1000, 300, 100))).toEqual([])
    expect(packsToMerge(packs(7))).toEqual([])
    expect(packsToMerge([])).toEqual([])
  })

  it('are the small ones, and not the large one beside them', () => {
    expect(sizesOf(packsToMerge(packs(1000, 10, 12, 11)))).toEqual([10, 11, 12])
  })

  it('are all when a larger one is not large enough for what the merge makes', () => {
    expect(sizesOf(packsToMerge(packs(10, 10, 10, 50)))).toEqual([10, 10, 10, 50])
  })

  it('are never those that somebody keeps, or that are too large to be written anew', () => {
    const kept = packs(10, 10).map((pack) => ({ ...pack, isKept: true }))
    expect(packsToMerge([...kept, ...packs(10)])).toEqual([])
    expect(packsToMerge(packs(PACK_BYTES / 2, PACK_BYTES / 2))).toEqual([])
  })

  it('leave sizes that grow geometrically, whatever there was', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 40 }), (sizes) => {
        const all = packs(...sizes)
        const merged = packsToMerge(all)
        const after = all.filter((pack) => !merged.includes(pack))
        if (merged.length > 0) after.push(...packs(sum(sizesOf(merged))))
        expect(merged).not.toHaveLength(1)
        expect(packsToMerge(after)).toEqual([])
      }),
    )
  })

  it('write each object anew only a few times as a log grows', () => {
    let all = packs()
    let written = 0
    for (let step = 0; step < 1000; step++) {
      all = [...all, ...packs(1)]
      const merged = packsToMerge(all)
      if (merged.length === 0) continue
      written += sum(sizesOf(merged))
      all = [...all.filter((pack) => !merged.includes(pack)), ...packs(sum(sizesOf(merged)))]
    }
    expect(written).toBeLessThan(1000 * 12)
    expect(all.length).toBeLessThan(8)
  })
})

describe('maintenance is due', () => {
  const nothing = { looseObjects: 0, leftLoose: 0, packs: [], isIdle: true }

  it('when a log with some hundred loose commits is left alone', () => {
    expect(isMaintenanceDue({ ...nothing, looseObjects: 2499 })).toBe(false)
    expect(isMaintenanceDue({ ...nothing, looseObjects: 2500 })).toBe(true)
  })

  it('later when it is not left alone, but in the end all the same', () => {
    expect(isMaintenanceDue({ ...nothing, looseObjects: 2500, isIdle: false })).toBe(false)
    expect(isMaintenanceDue({ ...nothing, looseObjects: 20_000, isIdle: false })).toBe(true)
  })

  it('not for loose objects that the last one could do nothing about', () => {
    expect(isMaintenanceDue({ ...nothing, looseObjects: 9000, leftLoose: 8000 })).toBe(false)
  })

  it('for many packs that can be merged', () => {
    expect(isMaintenanceDue({ ...nothing, packs: packs(...Array(13).fill(5)) })).toBe(true)
    expect(isMaintenanceDue({ ...nothing, packs: packs(...Array(12).fill(5)) })).toBe(false)
    expect(
      isMaintenanceDue({ ...nothing, packs: packs(...Array.from({ length: 13 }, (_, n) => 4 ** n)) }),
    ).toBe(false)
  })

  it('for very many packs that can be merged, also when it is not left alone', () => {
    const busy = { ...nothing, isIdle: false }
    expect(isMaintenanceDue({ ...busy, packs: packs(...Array(63).fill(5)) })).toBe(false)
    expect(isMaintenanceDue({ ...busy, packs: packs(...Array(64).fill(5)) })).toBe(true)
    expect(isMaintenanceDue({ ...busy, packs: packs(...Array(64).fill(PACK_BYTES)) })).toBe(false)
  })
})
