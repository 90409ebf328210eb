import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutTo, fillTo, jsonLine, printable, widthOf } from '../../src/cli/terminal-text.ts'

const OBEYED = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

test('nothing that a terminal obeys gets through, whatever the text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !OBEYED.test(printable(text))))
})

test('an escape sequence is shown as what it is', () => {
  expect(printable('\u001b]0;owned\u0007')).toBe('\\u001b]0;owned\\u0007')
  expect(printable('\u009b31mred')).toBe('\\u009b31mred')
})

test('other text stays as it is', () => {
  expect(printable('Größe 東京 🎉 account-1')).toBe('Größe 東京 🎉 account-1')
})

test('JSON for a terminal is the same value to a parser', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const line = jsonLine({ value, text })
      expect(line).not.toMatch(OBEYED)
      expect(JSON.stringify(JSON.parse(line))).toBe(JSON.stringify({ value, text }))
    }),
  )
})

test('a width counts columns: two for a wide character, none for a mark', () => {
  expect([widthOf('abc'), widthOf('東京'), widthOf('e\u0301'), widthOf('🎉')]).toEqual([3, 4, 1, 2])
})

test('a text is cut to a width with an ellipsis, and never exceeds it', () => {
  expect(cutTo(5, 'account')).toBe('acco…')
  expect(cutTo(7, 'account')).toBe('account')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
      expect(widthOf(cutTo(width, text))).toBeLessThanOrEqual(width)
    }),
  )
})

test('a text is filled on either side', () => {
  expect([fillTo(4, 'ab'), fillTo(4, 'ab', 'left'), fillTo(1, 'ab')]).toEqual(['ab  ', '  ab', 'ab'])
})
