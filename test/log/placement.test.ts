import { expect, test } from 'vitest'
import { JsonWriter } from '../../src/event/json-writer.ts'
import { LogIndex } from '../../src/log/log-index.ts'
import { place } from '../../src/log/placement.ts'
import { Preparation } from '../../src/log/preparation.ts'

test('leaves nothing in the index or behind the lines of an append that ends half-way', () => {
  const index = new LogIndex()
  const lines = new JsonWriter(1024)
  let ids = 0
  const preparation = new Preparation(() => `id-${++ids}`, 1 << 20)
  const prepare = (...events: { type: string; time?: Date }[]) =>
    preparation.prepare([{ stream: 's', events }], undefined)
  place(index, prepare({ type: 'Counted' }), undefined, 1, lines)
  const { used } = lines
  const half = prepare({ type: 'Counted', time: new Date(2) }, { type: 'Counted' })
  expect(() => place(index, half, undefined, Number.NaN, lines)).toThrow(RangeError)
  expect(index.count).toBe(1)
  expect(lines.used).toBe(used)
})
