import { expect, test } from 'vitest'
import { Preparation } from '../../src/log/preparation.ts'

const MIB = 1 << 20
const large = 'x'.repeat(MIB / 2)

/** Data that refers to one text so many times, and how often that was read. */
function repeated(times: number) {
  const count = { reads: 0 }
  const part = {
    get text() {
      count.reads++
      return large
    },
  }
  return { data: Array.from({ length: times }, () => part), count }
}

function prepare(preparation: Preparation, ...data: unknown[]) {
  return preparation.prepare(
    [{ stream: 's', events: data.map((one) => ({ type: 'T', data: one })) }],
    undefined,
  )
}

test('gives up an event that refers to one text again and again, long before all of it is encoded', () => {
  const { data, count } = repeated(200)
  const preparation = new Preparation(() => 'generated', MIB)
  expect(() => prepare(preparation, 1, data)).toThrow(
    expect.objectContaining({
      code: 'event-too-large',
      index: 1,
      limit: MIB,
      message: expect.stringContaining('takes at least '),
    }),
  )
  expect(count.reads).toBeLessThan(40)
})

test('does so too where the data holds more than what is plain', () => {
  const { data, count } = repeated(200)
  const preparation = new Preparation(() => 'generated', MIB)
  expect(() => prepare(preparation, [new Date(0), data])).toThrow(
    expect.objectContaining({ code: 'event-too-large', limit: MIB }),
  )
  expect(count.reads).toBeLessThan(40)
})

test('gives up data that refers to itself in ever more ways', () => {
  let data: unknown = new Date(0)
  for (let level = 0; level < 50; level++) data = [data, data]
  const preparation = new Preparation(() => 'generated', MIB)
  expect(() => prepare(preparation, data)).toThrow(expect.objectContaining({ code: 'event-too-large' }))
})

test('gives up an append whose events are too large together', () => {
  const { data, count } = repeated(1)
  const preparation = new Preparation(() => 'generated', MIB)
  expect(() => prepare(preparation, ...Array.from({ length: 200 }, () => data))).toThrow(
    expect.objectContaining({ code: 'append-too-large', limit: 8 * MIB }),
  )
  expect(count.reads).toBeLessThan(40)
})

test('goes on after one that was too large, in little memory, and leaves alone what was prepared before', () => {
  const preparation = new Preparation(() => 'generated', MIB)
  const [before] = prepare(preparation, 'before')
  expect(() => prepare(preparation, repeated(200).data)).toThrow()
  const [after] = prepare(preparation, 'after')
  const bodies = [before, after].map((append) => {
    const { body, from, to } = append!.events[0]!
    expect(body.length).toBeLessThan(MIB)
    return body.toString('latin1', from, to)
  })
  expect(bodies).toEqual(['"data":"before"', '"data":"after"'])
})
