import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ImportedEvent } from '../../src/cli/import/imported-event.ts'
import { batchesOf, type ImportBatch } from '../../src/cli/import-batches.ts'

async function batches(streams: readonly string[], size: number): Promise<ImportBatch[]> {
  async function* events(): AsyncGenerator<ImportedEvent> {
    for (const [at, stream] of streams.entries())
      yield { stream, event: { type: 'T', data: at }, line: at + 2 }
  }
  const found: ImportBatch[] = []
  for await (const batch of batchesOf(events(), size)) found.push(batch)
  return found
}

test('all events come out once, in their order, in batches that name a stream once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'c', '__proto__')),
      fc.integer({ min: 1, max: 5 }),
      async (streams, size) => {
        const found = await batches(streams, size)
        const events = found.flatMap(({ appends }) => appends.flatMap((append) => append.events))
        expect(events.map(({ data }) => data)).toEqual([...streams.keys()])
        for (const { appends, count } of found) {
          expect(count).toBeLessThanOrEqual(size)
          expect(new Set(appends.map(({ stream }) => stream)).size).toBe(appends.length)
        }
      },
    ),
  )
})

test('a batch ends early where a stream comes back', async () => {
  const found = await batches(['a', 'a', 'b', 'a'], 10)
  expect(found.map(({ count, firstLine, line }) => ({ count, firstLine, line }))).toEqual([
    { count: 3, firstLine: 2, line: 4 },
    { count: 1, firstLine: 5, line: 5 },
  ])
})

test('a batch that is full does not wait for the next event', async () => {
  let isNextAsked = false
  async function* feed(): AsyncGenerator<ImportedEvent> {
    yield { stream: 's', event: { type: 'T' }, line: 1 }
    yield { stream: 's', event: { type: 'T' }, line: 2 }
    isNextAsked = true
  }
  const { value } = await batchesOf(feed(), 2).next()
  expect([value?.count, isNextAsked]).toEqual([2, false])
})

test('a batch ends before it takes more than an append may', async () => {
  const event = { type: 'T', data: { text: 'x'.repeat(300_000) } }
  async function* large(): AsyncGenerator<ImportedEvent> {
    for (let line = 1; line <= 7; line++) yield { stream: 's', event, line }
    yield { stream: 's', event: { type: 'T', data: 'x'.repeat(5_000_000) }, line: 8 }
    yield { stream: 's', event, line: 9 }
  }
  const counts: number[] = []
  for await (const { count } of batchesOf(large(), 500)) counts.push(count)
  expect(counts).toEqual([3, 3, 1, 1, 1])
})
