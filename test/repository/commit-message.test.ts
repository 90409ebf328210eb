import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commitMessage, parseTrailers } from '../../src/repository/commit-message.ts'
import { git, temporaryDirectory } from './real-git.ts'

const subject = (...arguments_: Parameters<typeof commitMessage>) =>
  commitMessage(...arguments_).split('\n')[0]

const summaries = fc.record({
  kind: fc.constantFrom('append' as const, 'fold' as const, 'init' as const),
  first: fc.integer({ min: 1, max: 999_999_999_999 }),
  count: fc.integer({ min: 0, max: 100_000 }),
  streams: fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
})

describe('a commit message', () => {
  test.each([
    ['append', 7, 1, ['account-1'], 'Append 1 event to account-1 (7)'],
    ['append', 1, 42, ['account-1'], 'Append 42 events to account-1 (1..42)'],
    ['append', 1, 42, ['a', 'b', 'c'], 'Append 42 events to 3 streams (1..42)'],
    ['append', 9, 2, ['two words'], 'Append 2 events to 1 stream (9..10)'],
    ['append', 9, 1, ['a\n\nMemoir-First: 1'], 'Append 1 event to 1 stream (9)'],
    ['append', 9, 1, ['x'.repeat(61)], 'Append 1 event to 1 stream (9)'],
    ['append', 9, 1, ['Zoë/李'], 'Append 1 event to Zoë/李 (9)'],
    ['append', 9, 1, ['\u202egnp.exe'], 'Append 1 event to 1 stream (9)'],
    ['fold', 1, 4000, [], 'Fold 4000 events into larger files (1..4000)'],
    ['init', 1, 0, [], 'Start the log'],
  ] as const)('of kind %s says what happened: %#', (kind, first, count, streams, expected) => {
    expect(subject({ kind, first, count, streams })).toBe(expected)
  })

  test('carries trailers that git reads too', () => {
    const message = commitMessage({ kind: 'append', first: 43, count: 2, streams: ['a'] })
    const read = git(temporaryDirectory(), ['interpret-trailers', '--parse'], { input: message }).toString()
    expect(read).toBe('Memoir-Kind: append\nMemoir-First: 43\nMemoir-Count: 2\n')
  })

  test('is read as it was written, whatever the streams are called', () => {
    fc.assert(
      fc.property(summaries, (summary) => {
        const { kind, first, count } = summary
        const message = commitMessage(summary)
        expect(parseTrailers(message)).toEqual({ kind, first, count })
        expect(message.split('\n')).toHaveLength(6)
      }),
    )
  })

  test('keeps its meaning when somebody signs it', () => {
    const message = `${commitMessage({ kind: 'fold', first: 1, count: 2, streams: [] })}Signed-off-by: Ada <a@b>\n`
    expect(parseTrailers(message)).toEqual({ kind: 'fold', first: 1, count: 2 })
  })

  test.each([
    '',
    'Fix a typo\n',
    'x\n\nMemoir-Kind: append\nMemoir-First: 1\n',
    'x\n\nMemoir-Kind: other\nMemoir-First: 1\nMemoir-Count: 1\n',
    'x\n\nMemoir-Kind: append\nMemoir-First: -1\nMemoir-Count: 1\n',
    'x\n\nMemoir-Kind: append\nMemoir-First: 1\nMemoir-First: 2\nMemoir-Count: 1\n',
    'x\n\nMemoir-Kind: append\nMemoir-First: 1\nMemoir-Count: 1\n\nAnother paragraph\n',
  ])('of somebody else says nothing: %j', (message) => {
    expect(parseTrailers(message)).toBeUndefined()
  })
})
