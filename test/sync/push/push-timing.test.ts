import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backoff,
  nextPush,
  type PushNeed,
  type PushPast,
  paceOf,
  recentStarts,
} from '../../../src/sync/push/push-timing.ts'

const NOW = 1_000_000
const SCHEDULE = { every: 10_000, maxUnpushed: 100 }
const NOTHING: PushNeed = { asked: undefined, unpushedSince: undefined, unpushedEvents: 0 }
const FRESH: PushPast = { starts: [], failure: undefined }

const next = (need: Partial<PushNeed>, past: Partial<PushPast> = {}, schedule = SCHEDULE, aMinute = 6) =>
  nextPush({ ...NOTHING, ...need }, { ...FRESH, ...past }, aMinute, schedule, NOW)

describe('nextPush', () => {
  it('plans nothing where nothing waits', () => {
    expect(next({})).toBeUndefined()
  })

  it('plans nothing for a remote without a schedule, whatever waits', () => {
    const need = { ...NOTHING, unpushedSince: NOW - 1, unpushedEvents: 1000 }
    expect(nextPush(need, FRESH, 6, undefined, NOW)).toBeUndefined()
  })

  it('lets commits wait for as long as the schedule says', () => {
    expect(next({ unpushedSince: NOW - 4000, unpushedEvents: 1 })).toBe(NOW + 6000)
  })

  it('does not let as many events wait as the schedule says', () => {
    expect(next({ unpushedSince: NOW, unpushedEvents: 100 })).toBe(NOW)
  })

  it('begins at once when somebody asks, whatever failed and however often it was pushed', () => {
    const failure = { at: NOW, delayMs: 60_000 }
    expect(next({ asked: 'now' }, { failure, starts: Array(6).fill(NOW - 1) })).toBe(NOW)
  })

  it('begins at once when an append waits for it', () => {
    expect(next({ asked: 'soon' })).toBe(NOW)
  })

  it('lets an append wait for a second after a failure, not for the whole delay', () => {
    const failure = { at: NOW - 400, delayMs: 60_000 }
    expect(next({ asked: 'soon' }, { failure })).toBe(NOW + 600)
  })

  it('lets an append wait until the host takes another push', () => {
    const starts = [NOW - 50_000, ...Array(5).fill(NOW - 10_000)]
    expect(next({ asked: 'soon' }, { starts })).toBe(NOW + 10_000)
  })

  it('waits for the whole delay after a failure', () => {
    const failure = { at: NOW - 1000, delayMs: 60_000 }
    expect(next({ unpushedSince: NOW - 30_000, unpushedEvents: 1000 }, { failure })).toBe(NOW + 59_000)
  })

  it('waits for no host that has no limit', () => {
    const starts = Array(1000).fill(NOW - 1)
    const due = next(
      { unpushedSince: NOW, unpushedEvents: 100 },
      { starts },
      SCHEDULE,
      Number.POSITIVE_INFINITY,
    )
    expect(due).toBe(NOW)
  })

  it('forgets failures and pushes of the future: the clock was set back', () => {
    const past = { failure: { at: NOW + 3_600_000, delayMs: 1000 }, starts: Array(6).fill(NOW + 3_600_000) }
    expect(next({ asked: 'soon' }, past)).toBe(NOW)
  })

  it('never begins more pushes a minute than the host takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 100 }),
        (aMinute, gaps) => {
          let now = NOW
          let starts: number[] = []
          const all: number[] = []
          for (const gap of gaps) {
            now += gap
            now = nextPush({ ...NOTHING, asked: 'soon' }, { ...FRESH, starts }, aMinute, SCHEDULE, now)!
            starts = [...recentStarts(starts, now), now]
            all.push(now)
          }
          for (const start of all) {
            expect(
              all.filter((other) => other >= start && other < start + 60_000).length,
            ).toBeLessThanOrEqual(aMinute)
          }
        },
      ),
    )
  })
})

describe('paceOf', () => {
  it.each([
    ['network', false, 'passing'],
    ['unknown', false, 'passing'],
    ['conflict', false, 'passing'],
    ['conflict', true, 'lasting'],
    ['auth', false, 'lasting'],
    ['refused', false, 'lasting'],
    ['too-large', false, 'lasting'],
  ] as const)('takes %s (forked: %s) for %s', (kind, isForked, pace) => {
    expect(paceOf(kind, isForked)).toBe(pace)
  })
})

describe('backoff', () => {
  it('is a random part of a time that doubles up to a bound', () => {
    expect([1, 2, 3, 4, 10, 1000].map((failures) => backoff('passing', failures, 0.5))).toEqual([
      500, 1000, 2000, 4000, 30_000, 30_000,
    ])
    expect([1, 2, 5, 1000].map((failures) => backoff('lasting', failures, 0.5))).toEqual([
      30_000, 60_000, 450_000, 450_000,
    ])
  })

  it('is never a tight loop, however the dice fall', () => {
    expect(backoff('passing', 1, 0)).toBe(100)
    expect(backoff('lasting', 1, 0)).toBe(10_000)
  })
})
