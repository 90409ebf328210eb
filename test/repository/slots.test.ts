import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Slots } from '../../src/repository/slots.ts'

test('no more tasks run at once than there are slots, and each has its turn', async () => {
  const slots = new Slots(3)
  let running = 0
  let most = 0
  const begun: number[] = []
  const task = (number: number) =>
    slots.run(async () => {
      begun.push(number)
      most = Math.max(most, ++running)
      for (let turns = number % 4; turns >= 0; turns--) await turn()
      running--
      return number * 2
    })
  const numbers = Array.from({ length: 40 }, (_, number) => number)
  expect(await Promise.all(numbers.map(task))).toEqual(numbers.map((number) => number * 2))
  expect(most).toBe(3)
  expect(begun).toEqual(numbers)
})

test('a task that fails gives its slot back', async () => {
  const slots = new Slots(1)
  const failing = slots.run(async () => {
    await turn()
    throw new Error('no')
  })
  const next = slots.run(async () => 'next')
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe('next')
  expect(await slots.run(async () => 'last')).toBe('last')
})

test('after a failure no more items are begun, and those under way are waited for', async () => {
  const slots = new Slots(2)
  const log: string[] = []
  const all = slots.forEach([1, 2, 3, 4], async (item) => {
    log.push(`begin ${item}`)
    if (item === 1) throw new Error('the first')
    await turn()
    await turn()
    log.push(`end ${item}`)
  })
  await expect(all).rejects.toThrow('the first')
  expect(log).toEqual(['begin 1', 'begin 2', 'end 2'])
})
