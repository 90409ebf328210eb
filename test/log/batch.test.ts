import { expect, test } from 'vitest'
import { STREAM, STREAM_END, STREAM_HASH } from '../../src/event/line-scanner.ts'
import { hashByte, hashName } from '../../src/event/name-hash.ts'
import { Batch } from '../../src/log/batch.ts'
import { BatchCache } from '../../src/log/batch-cache.ts'
import { Names } from '../../src/log/names.ts'
import { linesOf } from '../event/text-lines.ts'

const line = (stream: string, version = 1) =>
  `{"id":"${stream}${version}","stream":"${stream}","version":${version},"type":"T","time":"2026-11-23T05:21:48.123Z","data":${version}}\n`
const batchOf = (text: string) => new Batch(11, Buffer.from(text), 'events/x.jsonl')

test('gives the same events however many are asked for', () => {
  const text = Array.from({ length: 30 }, (_, at) => line('é', at + 1)).join('')
  const batch = batchOf(text)
  for (let position = 40; position >= 11; position--) {
    expect(batch.event(position)?.toJSON()).toMatchObject({ position, stream: 'é', version: position - 10 })
  }
  expect(batch.event(41)).toBeUndefined()
  expect(batchOf(text).event(41)).toBeUndefined()
})

test('an event that was written by hand is cut out too, and a wrong one is refused by its line', () => {
  const batch = batchOf(`${line('a')}${line('b').replaceAll(',', ', ')}{"id":1}\n`)
  expect(batch.event(12)?.stream).toBe('b')
  expect(() => batch.event(13)).toThrow(expect.objectContaining({ code: 'invalid-batch', line: 3 }))
  const cutOut = batchOf(`${line('a')}${line('b').replace('"data":1', '"data":x')}`).event(12)
  expect(() => cutOut?.data).toThrow(expect.objectContaining({ code: 'invalid-batch', line: 2 }))
})

test('says how many events it holds without looking at them, unless its end is missing', () => {
  const text = `${line('a')}${line('é')}`
  expect([batchOf(text).count, batchOf('{}\n\n').count]).toEqual([2, 2])
  const batch = batchOf(text)
  expect(batch.lines.count).toBe(batch.count)
  for (const cut of [text.slice(0, -1), '']) {
    expect(() => batchOf(cut).count).toThrow(expect.objectContaining({ code: 'invalid-batch' }))
  }
})

test('what is kept of small batches takes no more memory than it is said to', () => {
  const cache = new BatchCache(1 << 20)
  const keys = Array.from({ length: 2000 }, (_, number) => `${number}`)
  for (const key of keys) cache.add(key, batchOf(line('a')))
  // One of a single event takes 2 KiB, whatever its bytes.
  const kept = keys.flatMap((key) => (cache.find(key) === undefined ? [] : [key]))
  expect(kept.length).toBeGreaterThan(400)
  expect(kept.length).toBeLessThanOrEqual(512)
  expect(kept.at(-1)).toBe('1999')
})

test('names are found as strings and in the bytes of a line, and forgotten last first', () => {
  const names = new Names()
  const all = Array.from({ length: 500 }, (_, number) => `stream-${number % 7}-${number}`)
  for (const name of [...all, 'é', '"']) names.add(name)
  const inBytes = (name: string) => {
    const lines = linesOf(line(name), 'test')
    const [from, to] = [lines.at(0, STREAM), lines.at(0, STREAM_END)]
    return names.findStored(lines.at(0, STREAM_HASH), lines.bytes, from, to)
  }
  for (const [number, name] of all.entries()) {
    expect([names.find(name), inBytes(name), names.name(number)]).toEqual([number, number, name])
  }
  expect([names.find('é'), inBytes('é'), names.find('"'), inBytes('\\"')]).toEqual([
    500,
    undefined,
    501,
    undefined,
  ])
  const copy = new Names()
  copy.addAll(names.all())
  expect(names.all().map((name) => copy.find(name))).toEqual(names.all().map((_, number) => number))
  // Its characters are the bytes of the other in UTF-8.
  names.add('Ã©')
  expect(inBytes('é')).toBeUndefined()
  for (let left = 503; left > 250; left--) names.removeLast()
  for (const [number, name] of all.entries()) {
    const expected = number < 250 ? number : undefined
    expect([names.find(name), inBytes(name)]).toEqual([expected, expected])
  }
})

const FNV_START = 0x811c9dc5
// From one state of FNV-1a after the other, two texts that lead to the same next one.
const ALIKE =
  'r5zhi abwr4, hcuif er4r4, os341 g7taq, 7nl3r 371he, lx5e8 aevdj, 5sz2m jg8np, 0n63o m7ix7, 3y66r z595e, 04ex6 qf06n, pc1et 8w5ni, 9qnk3 lll51, vir7v yiz1g'

test('names that were chosen to have one hash have many', () => {
  const pairs = ALIKE.split(', ').map((pair) => pair.split(' '))
  const names = Array.from({ length: 2 ** pairs.length }, (_, number) =>
    pairs.map((pair, at) => pair[(number >> at) & 1]).join(''),
  )
  const chosen = names.map((name) => [...Buffer.from(name)].reduce(hashByte, FNV_START))
  expect(new Set(chosen).size).toBe(1)
  expect(new Set(names.map(hashName)).size).toBeGreaterThan(names.length - 10)
})
