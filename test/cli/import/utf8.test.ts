import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkUtf8 } from '../../../src/cli/import/utf8.ts'
import { bytesOf, collect, errorOf } from './collect.ts'

describe('checkUtf8', () => {
  it('passes text on, wherever it is cut', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '中', '😀', '\ufffd', '\ufeff') })
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, length) => {
        const chunks = await collect(checkUtf8(bytesOf(text, length)))
        expect(chunks.map((chunk) => chunk.toString()).join('')).toBe(text.replace(/^\ufeff/, ''))
      }),
      { numRuns: 500 },
    )
  })

  it('finds the line and the byte that is not UTF-8, wherever the file is cut', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '😀', '\ufffd', '\ufeff') })
    const bad = fc.constantFrom(
      [0xff],
      [0xe9, 0x20],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98, 0x0a],
      [0x80],
    )
    await fc.assert(
      fc.asyncProperty(
        text,
        bad,
        text,
        fc.integer({ min: 1, max: 40 }),
        async (before, bad, after, length) => {
          const bytes = Buffer.concat([Buffer.from(before), Buffer.from(bad), Buffer.from(after)])
          const error = await errorOf(checkUtf8(bytesOf(bytes, length)))
          expect(error.line).toBe(before.split('\n').length)
          expect(error.message).toContain(`byte ${Buffer.byteLength(before)} of the file`)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses a character that the end of the file cuts off', async () => {
    expect((await errorOf(checkUtf8(bytesOf(Buffer.from([0x61, 0x0a, 0xf0, 0x9f]), 2)))).line).toBe(2)
  })

  it.each([
    ['little', [0xff, 0xfe, 0x61, 0x00]],
    ['big', [0xfe, 0xff, 0x00, 0x61]],
  ])('says that a file is UTF-16 (%s-endian)', async (_, bytes) => {
    expect((await errorOf(checkUtf8(bytesOf(Buffer.from(bytes), 1)))).message).toContain('UTF-16')
  })
})
