import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonLines } from '../../../src/cli/import/json-lines.ts'
import { bytesOf, collect, errorOf } from './collect.ts'

const LINE = '{"stream":"a","type":"T"}'

describe('readJsonLines', () => {
  it('reads all fields of an event', async () => {
    const event = {
      type: 'Paid',
      data: { amount: 5 },
      metadata: { actor: 'zoe' },
      tags: ['customer:7'],
      schema: 2,
      id: 'e1',
      time: '2011-10-11T13:45:40+02:00',
    }
    const text = `${JSON.stringify({ stream: 'a', ...event })}\n${LINE}\n`
    expect(await collect(readJsonLines(bytesOf(text)))).toEqual([
      { stream: 'a', event: { ...event, time: '2011-10-11T11:45:40.000Z' }, line: 1 },
      { stream: 'a', event: { type: 'T' }, line: 2 },
    ])
  })

  it('takes what the log itself exports, and ignores position and version', async () => {
    const [first] = await collect(
      readJsonLines(
        bytesOf('{"position":7,"stream":"a","version":3,"type":"T","schema":1,"tags":[],"data":null}'),
      ),
    )
    expect(first?.event).toEqual({ type: 'T', schema: 1, tags: [], data: null })
  })

  it('takes the stream from another key, with a prefix', async () => {
    const text = '{"account":"7","type":"T"}'
    const [first] = await collect(
      readJsonLines(bytesOf(text), { stream: 'account', streamPrefix: 'account-' }),
    )
    expect(first?.stream).toBe('account-7')
  })

  it('gives the same events from lines, from one array, and from indented JSON, wherever the file is cut', async () => {
    const event = fc.record({
      stream: fc.string({ minLength: 1 }),
      type: fc.string({ minLength: 1 }),
      data: fc.jsonValue({ stringUnit: 'grapheme' }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1 }),
        fc.integer({ min: 1, max: 50 }),
        async (events, length) => {
          fc.pre(!/\d{16}|e\+/.test(JSON.stringify(events)))
          const forms = [
            events.map((event) => `${JSON.stringify(event)}\n`).join(''),
            events.map((event) => JSON.stringify(event)).join('\r\n\r\n'),
            JSON.stringify(events),
            JSON.stringify(events, null, 2),
            `\ufeff${events.map((event) => JSON.stringify(event, null, '\t')).join('\n')}`,
          ]
          for (const form of forms) {
            const read = await collect(readJsonLines(bytesOf(form, length)))
            const wanted: unknown = JSON.parse(JSON.stringify(events))
            expect(read.map(({ stream, event }) => ({ stream, ...event }))).toEqual(wanted)
          }
        },
      ),
    )
  })

  it('knows the line on which each event starts', async () => {
    const events = await collect(
      readJsonLines(bytesOf(`[\n${LINE},\n\n{"stream":"a",\n"type":"T"},${LINE}\n]`, 7)),
    )
    expect(events.map((event) => event.line)).toEqual([2, 4, 5])
  })

  it('gives nothing for an empty file and an empty array', async () => {
    for (const text of ['', ' \n', '[]', '[\n]\n'])
      expect(await collect(readJsonLines(bytesOf(text)))).toEqual([])
  })

  it.each([
    ['no stream', `${LINE}\n{"type":"T"}`, 2, '"stream" is missing'],
    ['an empty type', '{"stream":"a","type":""}', 1, '"type" is empty'],
    ['a stream that is a number', '{"stream":7,"type":"T"}', 1, '"stream" is not a string'],
    ['an unknown field', '{"stream":"a","type":"T","amount":"secret"}', 1, 'unknown field "amount"'],
    ['metadata that is a list', '{"stream":"a","type":"T","metadata":[]}', 1, '"metadata" is not an object'],
    ['tags that are no list', '{"stream":"a","type":"T","tags":"secret"}', 1, '"tags" is not a list'],
    ['a schema of 0', '{"stream":"a","type":"T","schema":0}', 1, '"schema" is no whole number'],
    ['a time that is none', '{"stream":"a","type":"T","time":"secret"}', 1, '"time" is no time'],
    ['a key that stands twice', `${LINE}\n{"stream":"a","type":"T","type":"secret"}`, 2, 'twice'],
    ['an integer beyond 2^53', '{"stream":"a","type":"T","data":12345678901234567890}', 1, '2^53'],
    ['a mistake inside an object', '{"stream":"a",\n"type":secret}', 2, 'column 8: expected a value'],
    ['a string that is not closed', `{"stream":"secret\n${LINE}\n`, 1, 'string is not closed'],
    ['an object that is not closed', `${LINE}\n\n{"stream":"secret"`, 3, 'never closed'],
    ['an array that is not closed', `[${LINE}\n`, 2, 'array is never closed'],
    ['a missing comma', `[${LINE}\n${LINE}]`, 2, 'comma'],
    ['a comma too many', `[${LINE},\n]`, 2, 'expected an object'],
    ['a comma between lines', `${LINE},\n${LINE}`, 1, 'expected an object'],
    ['a value that is no object', `${LINE}\n"secret"`, 2, 'expected an object'],
    ['a second array', `[${LINE}]\n[${LINE}]`, 2, 'expected an object'],
    ['an object after the array', `[${LINE}]\n${LINE}`, 2, 'follows the array'],
  ])('refuses %s, with the line and without the data', async (_, text, line, problem) => {
    const error = await errorOf(readJsonLines(bytesOf(text)))
    expect(error.line).toBe(line)
    expect(error.message).toContain(problem)
    expect(error.message + error.hint).not.toContain('secret')
  })

  it('says so when the file holds CloudEvents', async () => {
    const error = await errorOf(readJsonLines(bytesOf('{"specversion":"1.0","stream":"a","type":"T"}')))
    expect(error.hint).toContain('--format cloudevents')
  })

  it('refuses an object that is far too large before it is parsed', async () => {
    const error = await errorOf(readJsonLines(bytesOf(`${LINE}\n{"data":[{}${',{}'.repeat(6_000_000)}]}`)))
    expect([error.line, error.message]).toEqual([2, expect.stringContaining('longer than')])
  })

  it('accepts data of 100 levels and refuses 101', async () => {
    const nested = (levels: number) =>
      `{"stream":"a","type":"T","data":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect(await collect(readJsonLines(bytesOf(nested(100))))).toHaveLength(1)
    expect((await errorOf(readJsonLines(bytesOf(nested(101))))).message).toContain('nested')
  })
})
