import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EARLIEST_TIME, formatTime, LATEST_TIME, parseTime, storedTimeAt } from '../../src/event/time.ts'

const times = fc.integer({ min: EARLIEST_TIME, max: LATEST_TIME })

test('reads and writes every millisecond as Date does', () => {
  fc.assert(
    fc.property(times, (ms) => {
      const text = formatTime(ms)
      expect(text).toHaveLength(24)
      expect(parseTime(text)).toBe(ms)
      expect(storedTimeAt(Buffer.from(`>>${text}`), 2)).toBe(ms)
      expect(Date.parse(text)).toBe(ms)
    }),
  )
})

test('agrees on the last day of each month of every kind of year', () => {
  for (const year of [1000, 1582, 1900, 1970, 2000, 2023, 2024, 2100, 9999]) {
    for (let month = 0; month < 12; month++) {
      const ms = Date.UTC(year, month + 1, 0, 23, 59, 59, 999)
      expect(storedTimeAt(Buffer.from(formatTime(ms)), 0)).toBe(ms)
    }
  }
})

test('reads times of other zones as Date does', () => {
  const zone = fc
    .record({
      sign: fc.constantFrom('+', '-'),
      hours: fc.integer({ min: 0, max: 23 }),
      minutes: fc.integer({ min: 0, max: 59 }),
    })
    .map(
      ({ sign, hours, minutes }) =>
        `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`,
    )
  fc.assert(
    fc.property(times, zone, (ms, offset) => {
      const text = `${formatTime(ms).slice(0, -1)}${offset}`
      expect(parseTime(text)).toBe(Date.parse(text))
    }),
  )
})

test.each([
  ['2026-11-23T05:21:48Z', Date.UTC(2026, 10, 23, 5, 21, 48)],
  ['2026-11-23T05:21:48.1Z', Date.UTC(2026, 10, 23, 5, 21, 48, 100)],
  ['2026-11-23T05:21:48.123999Z', Date.UTC(2026, 10, 23, 5, 21, 48, 123)],
])('reads %s to the millisecond', (text, ms) => {
  expect(parseTime(text)).toBe(ms)
})

test.each([
  '',
  '2026-11-23',
  '2026-11-23 05:21:48Z',
  '2026-11-23T05:21:48',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-10T00:00:00Z',
  '2026-11-23T24:00:00Z',
  '2026-11-23T23:60:00Z',
  '2026-11-23T23:59:60Z',
  '0042-01-01T00:00:00Z',
  '2026-11-23T05:21:48+24:00',
  '2026-11-23T05:21:48+01:60',
  '+12026-11-23T05:21:48Z',
  '2026-11-23T05:21:48Z\n',
])('refuses %j', (text) => {
  expect(parseTime(text)).toBeUndefined()
})

test('reads what stands in the place of a stored time as closely as any other time', () => {
  const damaged = fc.tuple(times, fc.nat(23), fc.constantFrom(...'0123456789-:.tTzZ x'))
  fc.assert(
    fc.property(damaged, ([ms, at, character]) => {
      const text = formatTime(ms)
      const other = text.slice(0, at) + character + text.slice(at + 1)
      const expected = /\.\d{3}Z$/.test(other) ? parseTime(other) : undefined
      const isStored = expected !== undefined && expected >= EARLIEST_TIME
      expect(storedTimeAt(Buffer.from(other), 0)).toBe(isStored ? expected : Number.NaN)
    }),
    { numRuns: 2000 },
  )
})

test.each([
  '2100-02-29T00:00:00.000Z',
  '2100-01-01T23:59:60.000Z',
  '2100-01-01T24:00:00.000Z',
  '2100-01-01t00:00:00.000Z',
  '2100-01-01T00:00:00,000Z',
  '0999-12-31T23:59:59.999Z',
])('calls %j, in the place of a stored time, no number', (text) => {
  expect(storedTimeAt(Buffer.from(text), 0)).toBeNaN()
})

test('calls a stored time with something else than digits no number', () => {
  expect(storedTimeAt(Buffer.from('2026-11-2xT05:21:48.123Z'), 0)).toBeNaN()
  expect(storedTimeAt(Buffer.from('2026'), 0)).toBeNaN()
})
