import { expect, test } from 'vitest'
import { eventLines } from '../../src/cli/event-text.ts'
import { widthOf } from '../../src/cli/terminal-text.ts'

const event = {
  position: 7,
  stream: 'account-1',
  version: 2,
  type: 'T',
  schema: 3,
  tags: ['a\u001b[2J'],
  id: 'x',
  time: '2026-11-23T05:21:48.123Z',
  data: { text: 'x'.repeat(200), control: '\u009b' },
  metadata: { actor: '\u202eada' },
}
const dim = (text: string) => text

test('an event is whole in a pipe', () => {
  expect(eventLines(event, { width: undefined, dim })[1]).toContain('x'.repeat(200))
})

test('its lines fit a terminal', () => {
  expect(Math.max(...eventLines(event, { width: 80, dim }).map(widthOf))).toBe(80)
})

test('nothing in an event reaches the terminal as a command', () => {
  expect(eventLines(event, { width: undefined, dim }).join('')).not.toMatch(/[\u001b\u009b\u202e]/)
})
