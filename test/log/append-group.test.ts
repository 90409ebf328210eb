import { expect, test } from 'vitest'
import { AppendGroup } from '../../src/log/append-group.ts'

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
