import { describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/event/event.ts'
import { InvalidProjectionError } from '../../src/image/errors.ts'
import { type Projection, projection } from '../../src/image/projection.ts'

const valid = { name: 'counts', version: 1, init: () => 0, when: {} }

describe('projection', () => {
  test('keeps name, version and handlers, and cannot be changed', () => {
    const counts = projection({ ...valid, when: { Counted: (state) => state + 1 } })
    expect(counts).toMatchObject({ name: 'counts', version: 1 })
    expect(counts.findHandler('Counted')).toBeTypeOf('function')
    expect(() => Object.assign(counts, { version: 2 })).toThrow(TypeError)
  })

  test('is not changed by a later change of what it was made from', () => {
    const when: Record<string, (state: number) => number> = { Counted: (state) => state + 1 }
    const counts = projection({ ...valid, when })
    delete when.Counted
    expect(counts.findHandler('Counted')).toBeTypeOf('function')
  })

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'has no handler for the event type %s unless it is given one',
    (type) => {
      expect(projection(valid).findHandler(type)).toBeUndefined()
      const when = Object.fromEntries([[type, (state: number) => state + 1]])
      expect(projection({ ...valid, when }).findHandler(type)).toBeTypeOf('function')
    },
  )

  test.each([
    ['name', { ...valid, name: '' }],
    ['name', { ...valid, name: 'a\nb' }],
    ['name', { ...valid, name: 'a'.repeat(201) }],
    ['name', { ...valid, name: undefined as never }],
    ['version', { ...valid, version: 0 }],
    ['version', { ...valid, version: 1.5 }],
    ['version', { ...valid, version: '1' as never }],
    ['init', { ...valid, init: 0 as never }],
    ['when', { ...valid, when: undefined as never }],
    ['when.X', { ...valid, when: { X: 'nothing' as never } }],
  ])('refuses a wrong %s', (field, definition) => {
    const attempt = () => projection<number>(definition)
    expect(attempt).toThrow(InvalidProjectionError)
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid-projection', field }))
  })

  test.each(['__proto__', 'constructor', '../../etc', 'a/b', 'ü 漢'])('takes the name %s', (name) => {
    expect(projection({ ...valid, name }).name).toBe(name)
  })

  test('infers the state from init and the data of an event from its handler', () => {
    const texts: Projection<Map<string, number>> = projection({
      name: 'texts',
      version: 1,
      init: () => new Map<string, number>(),
      when: {
        Said(state, { data }: RecordedEvent<'Said', { text: string }>) {
          state.set(data.text, data.text.length)
        },
        Unsaid(state, event) {
          // @ts-expect-error nobody said what data this event has
          state.delete(event.data.text)
        },
      },
    })
    const declared = projection<number, { Counted: { by: number } }>({
      ...valid,
      when: { Counted: (state, { data }) => state + data.by },
    })
    // @ts-expect-error a promise is no state
    projection({ ...valid, when: { X: async (state) => state } })
    // @ts-expect-error an event type that was not declared
    projection<number, { Counted: { by: number } }>({ ...valid, when: { Count: (state) => state } })
    expect([texts, declared]).toHaveLength(2)
  })
})
