import { describe, expect, it } from 'vitest'
import { readCloudEvents } from '../../../src/cli/import/cloud-events.ts'
import { bytesOf, collect, errorOf } from './collect.ts'

// The example of the CloudEvents 1.0 specification, section "Example", with other data.
const EVENT = {
  specversion: '1.0',
  type: 'com.github.pull_request.opened',
  source: 'https://github.com/cloudevents/spec/pull',
  subject: '123',
  id: 'A234-1234-1234',
  time: '2018-04-05T17:31:00Z',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  correlationid: 'c1',
  actor: 'zoe',
  datacontenttype: 'application/json',
  data: { open: true },
}

async function read(event: object, options = {}) {
  const [first] = await collect(readCloudEvents(bytesOf(JSON.stringify(event)), options))
  return first
}

describe('readCloudEvents', () => {
  it('maps every attribute', async () => {
    expect(await read(EVENT)).toEqual({
      stream: '123',
      event: {
        type: 'com.github.pull_request.opened',
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        time: '2018-04-05T17:31:00.000Z',
        data: { open: true },
        metadata: {
          subject: '123',
          comexampleextension1: 'value',
          comexampleothervalue: 5,
          correlationId: 'c1',
          actor: 'zoe',
          datacontenttype: 'application/json',
          cloudEventSource: 'https://github.com/cloudevents/spec/pull',
          cloudEventId: 'A234-1234-1234',
        },
      },
      line: 1,
    })
  })

  it('gives an event the same id each time, and another one for another source or id', async () => {
    const idOf = async (change: object) => (await read({ ...EVENT, ...change }))?.event.id
    const first = await idOf({})
    // Stored in logs: a change here would import old files twice.
    expect(first).toBe('228b09c5-aecd-534e-9707-261b45c5c8a5')
    expect(await idOf({ data: 'other' })).toBe(first)
    expect(await idOf({ source: 'b' })).not.toBe(first)
    expect(await idOf({ id: 'b' })).not.toBe(first)
  })

  it('names the stream after the source where there is no subject, or after a chosen attribute', async () => {
    const { subject: _, ...event } = EVENT
    expect((await read(event))?.stream).toBe(EVENT.source)
    expect((await read(EVENT, { stream: 'comexampleextension1', streamPrefix: 'x-' }))?.stream).toBe(
      'x-value',
    )
    const error = await errorOf(readCloudEvents(bytesOf(JSON.stringify(event)), { stream: 'subject' }))
    expect(error.message).toContain('"subject" is missing')
  })

  it('keeps binary data as base64', async () => {
    const { data: _, ...event } = EVENT
    expect((await read({ ...event, data_base64: 'AAE=' }))?.event.data).toEqual({ base64: 'AAE=' })
  })

  it('takes null for an attribute that is absent, but not for data that are', async () => {
    const { subject, time, comexampleextension1, ...event } = EVENT
    const absent = { subject: null, time: null, comexampleextension1: null, data_base64: null }
    expect(await read({ ...event, ...absent })).toEqual(await read(event))
    expect((await read({ ...event, data: null }))?.event.data).toBeNull()
    const error = await errorOf(readCloudEvents(bytesOf(JSON.stringify({ ...event, id: null }))))
    expect(error.message).toContain('"id" is missing')
  })

  it('reads one array as well as lines', async () => {
    const array = await collect(readCloudEvents(bytesOf(JSON.stringify([EVENT, EVENT], null, 2))))
    const lines = await collect(readCloudEvents(bytesOf(`${JSON.stringify(EVENT)}\n`.repeat(2))))
    expect(array.map(({ event }) => event)).toEqual(lines.map(({ event }) => event))
    expect(lines.map(({ line }) => line)).toEqual([1, 2])
  })

  it.each([
    ['version 0.3', { specversion: '0.3' }, 'specversion'],
    ['no version', { specversion: undefined }, 'specversion'],
    ['no type', { type: undefined }, '"type" is missing'],
    ['no id', { id: undefined }, '"id" is missing'],
    ['no source', { source: undefined }, '"source" is missing'],
    ['both forms of data', { data_base64: 'AAE=' }, 'data_base64'],
    ['a time that is none', { time: 'noon' }, '"time" is no time'],
  ])('refuses %s', async (_, change, problem) => {
    const error = await errorOf(readCloudEvents(bytesOf(`\n${JSON.stringify({ ...EVENT, ...change })}`)))
    expect(error.line).toBe(2)
    expect(error.message).toContain(problem)
  })
})
