import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntries, FrameEncoder, findFrame, MAGIC } from '../../src/journal/frame.ts'
import { groupEntries, type JournalEntry } from '../../src/journal/journal.ts'
import './journal-fixture.ts'

const line = fc.string({ unit: 'grapheme' }).map((text) => `${JSON.stringify(text)}\n`)
const groups = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 50 }), fc.array(fc.array(line, { minLength: 1 }), { minLength: 1 }))
  .map(([start, appends]) => {
    let first = start
    return appends.map((lines): JournalEntry => {
      const entry = { first, count: lines.length, lines: Buffer.from(lines.join('')) }
      first += lines.length
      return entry
    })
  })

describe('a frame', () => {
  it('gives back any entries that were put in', () => {
    const encoder = new FrameEncoder()
    fc.assert(
      fc.property(groups, fc.nat(), fc.nat(), (entries, durable, released) => {
        const length = encoder.encode(groupEntries(entries))
        const bytes = Buffer.from(encoder.seal({ first: entries[0]!.first, durable, released }))
        const frame = findFrame(bytes, 0)!
        expect([...decodeEntries(bytes, frame)]).toEqual(entries)
        const last = entries.at(-1)!
        expect(frame).toMatchObject({ end: length, durable, released, last: last.first + last.count - 1 })
        expect(bytes.indexOf(MAGIC, 1)).toBe(-1)
      }),
    )
  })

  it('grows its buffer for a large entry and serves small ones afterwards', () => {
    const encoder = new FrameEncoder()
    for (const size of [10, 9_000_000, 10]) {
      const entries = [{ first: 1, count: 1, lines: Buffer.from(`${'é'.repeat(size)}\n`) }]
      encoder.encode(groupEntries(entries))
      const bytes = encoder.seal({ first: 1, durable: 0, released: 0 })
      expect([...decodeEntries(bytes, findFrame(bytes, 0)!)]).toEqual(entries)
    }
  })

  it('is not found when any of its bits is wrong', () => {
    const encoder = new FrameEncoder()
    encoder.encode(groupEntries([{ first: 7, count: 1, lines: Buffer.from('{"a":1}\n') }]))
    const bytes = encoder.seal({ first: 7, durable: 0, released: 6 })
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(findFrame(damaged, 0), `bit ${bit}`).toBeUndefined()
    }
  })
})
