import { expect, test } from 'vitest'
import { uuidGenerator } from '../../src/event/ids.ts'
import { systemRandom } from '../../src/system/random.ts'

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('makes UUIDs of version 7 that begin with the time', () => {
  const newId = uuidGenerator(systemRandom)
  const id = newId(0x0123456789ab)
  expect(id).toMatch(V7)
  expect(id.slice(0, 13)).toBe('01234567-89ab')
})

test('makes ids that all differ and sort by their millisecond', () => {
  const newId = uuidGenerator(systemRandom)
  const start = Date.UTC(2026, 10, 23)
  const ids = Array.from({ length: 20_000 }, (_, at) => newId(start + at / 4))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every((id) => V7.test(id))).toBe(true)
  const perMillisecond = ids.filter((_, at) => at % 4 === 0)
  expect([...perMillisecond].sort()).toEqual(perMillisecond)
})

test('takes every random bit from its source', () => {
  const zeros = uuidGenerator((bytes) => bytes.fill(0))
  const ones = uuidGenerator((bytes) => bytes.fill(0xff))
  expect(zeros(0)).toBe('00000000-0000-7000-8000-000000000000')
  expect(ones(0)).toBe('00000000-0000-7fff-bfff-ffffffffffff')
})
