import { expect, test } from 'vitest'
import { AppendGroup, LineBuffer } from '../../src/log/append-group.ts'

test('lines of any size and alphabet become their bytes, and what was taken stays as it is', () => {
  const lines = new LineBuffer()
  const taken: Buffer[] = []
  const texts = ['a\n', `${'é😀'.repeat(300_000)}\n`, 'x\n', `${'y'.repeat(5_000_000)}\n`, 'z\n']
  for (const text of texts) {
    expect(lines.add('first\n')).toBe(6)
    expect(lines.add(text)).toBe(Buffer.byteLength(text))
    taken.push(lines.take())
  }
  expect(taken.map((bytes) => bytes.toString())).toEqual(texts.map((text) => `first\n${text}`))
})

test('a group is durable as soon as one of its appends has to be', () => {
  const group = new AppendGroup(1)
  group.add(1, 10, 'written')
  expect(group.durability).toBe('written')
  group.add(2, 20, 'durable')
  group.add(1, 5, 'written')
  expect(group.durability).toBe('durable')
  const { first, count, counts, sizes } = group.toRun(Buffer.alloc(35))
  expect({ first, count, counts, sizes }).toEqual({
    first: 1,
    count: 4,
    counts: [1, 2, 1],
    sizes: [10, 20, 5],
  })
})
