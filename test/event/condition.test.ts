import { describe, expect, test } from 'vitest'
import { type ExpectedVersion, meetsExpectedVersion, type Query } from '../../src/event/condition.ts'
import { matchesQuery } from './plain-query.ts'

test.each<[ExpectedVersion, number, boolean]>([
  ['any', 0, true],
  ['any', 5, true],
  ['no-stream', 0, true],
  ['no-stream', 1, false],
  ['stream-exists', 0, false],
  ['stream-exists', 1, true],
  [0, 0, true],
  [0, 1, false],
  [3, 3, true],
  [3, 2, false],
  [3, 4, false],
])('%j is met by version %i: %j', (expected, actual, isMet) => {
  expect(meetsExpectedVersion(expected, actual)).toBe(isMet)
})

describe('a query', () => {
  const event = { type: 'SeatTaken', stream: 'seat-1', tags: ['flight:7', 'customer:3'] }

  test.each<[string, Query, boolean]>([
    ['without fields selects every event', {}, true],
    ['selects events of one of its types', { types: ['SeatFreed', 'SeatTaken'] }, true],
    ['selects no event of another type', { types: ['SeatFreed'] }, false],
    ['with no types selects nothing', { types: [] }, false],
    ['selects events of one of its streams', { streams: ['seat-1', 'seat-2'] }, true],
    ['selects no event of another stream', { streams: ['seat-2'] }, false],
    ['with no streams selects nothing', { streams: [] }, false],
    ['selects events that carry all of its tags', { tags: ['customer:3', 'flight:7'] }, true],
    ['selects no event that lacks a tag', { tags: ['flight:7', 'flight:8'] }, false],
    ['with no tags asks for none', { tags: [] }, true],
    ['asks for all of its fields', { types: ['SeatTaken'], tags: ['flight:8'] }, false],
    ['with items selects what any of them selects', [{ types: ['SeatFreed'] }, { tags: ['flight:7'] }], true],
    [
      'with items selects nothing that none of them selects',
      [{ types: ['SeatFreed'] }, { tags: ['flight:8'] }],
      false,
    ],
    ['with no items selects nothing', [], false],
  ])('%s', (_, query, isSelected) => {
    expect(matchesQuery(query, event)).toBe(isSelected)
  })
})
