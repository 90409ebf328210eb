import { describe, expect, it } from 'vitest'
import type { ImportedEvent } from '../../../src/cli/import/imported-event.ts'
import { sortByTime } from '../../../src/cli/import/sort.ts'
import { collect, errorOf } from './collect.ts'

async function* events(...times: (string | Date | undefined)[]): AsyncGenerator<ImportedEvent> {
  for (const [index, time] of times.entries()) {
    yield { stream: 's', event: { type: 'T', ...(time === undefined ? {} : { time }) }, line: index + 2 }
  }
}

describe('sortByTime', () => {
  it('orders events by time and keeps the order of those at the same time', async () => {
    const sorted = await collect(
      sortByTime(events('2012-01-01T00:00:00Z', '2011-01-01T00:00:00Z', new Date(0), '2011-01-01T00:00:00Z')),
    )
    expect(sorted.map(({ line }) => line)).toEqual([4, 3, 5, 2])
  })

  it('refuses an event without a time, with its line', async () => {
    expect((await errorOf(sortByTime(events('2012-01-01T00:00:00Z', undefined)))).line).toBe(3)
  })
})
