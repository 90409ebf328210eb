import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogIndex } from '../../src/log/log-index.ts'
import { countStreamsAt, streamsAt } from '../../src/log/streams.ts'

function indexOf(streams: readonly string[]): LogIndex {
  const index = new LogIndex()
  for (const [at, stream] of streams.entries()) index.add(stream, 'Counted', [], at, index.idHash(`${at}`))
  return index
}

test('counts the streams that there were when a position was the last one, also after truncations', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 12 }),
      fc.nat({ max: 12 }),
      (streams, kept) => {
        const index = indexOf(streams)
        index.truncate(kept)
        for (let last = 0; last <= index.count; last++) {
          expect(countStreamsAt(index, last)).toBe(streamsAt(index, last).length)
        }
      },
    ),
  )
})
