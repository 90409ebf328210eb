import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { OutputStream } from '../../src/cli/output.ts'
import { Progress, progressText } from '../../src/cli/progress.ts'

/** A stream that keeps what is written to it, and a clock that is set by hand. */
function stage(terminal: boolean) {
  const stream: OutputStream = Object.assign(
    new PassThrough({ encoding: 'utf8' }),
    terminal && { isTTY: true, columns: 100 },
  )
  const clock = { ms: 0 }
  const written = () => String((stream as PassThrough).read() ?? '')
  return { progress: new Progress('Importing', stream, () => clock.ms), clock, written }
}

test('nothing is shown in the first second', () => {
  const { progress, clock, written } = stage(true)
  progress.update({ done: 1 })
  clock.ms = 999
  progress.update({ done: 2 })
  progress[Symbol.dispose]()
  expect(written()).toBe('')
})

test('on a terminal one line is drawn anew, at most ten times a second, and removed at the end', () => {
  const { progress, clock, written } = stage(true)
  for (clock.ms = 0; clock.ms < 2000; clock.ms += 10)
    progress.update({ done: clock.ms, total: 4000, unit: 'events' })
  const drawn = written().split('\r').slice(1)
  expect(drawn).toHaveLength(10)
  expect(drawn[0]).toMatch(/^Importing {2}█{5}░{15} {2}25 % {2}1,000 of 4,000 events/)
  expect(drawn.join('')).not.toContain('\n')
  progress[Symbol.dispose]()
  expect(written()).toBe('\r\u001b[K')
})

test('elsewhere a line is added every five seconds, without control sequences', () => {
  const { progress, clock, written } = stage(false)
  for (clock.ms = 0; clock.ms < 12_000; clock.ms += 10) progress.update({ done: clock.ms, unit: 'events' })
  progress[Symbol.dispose]()
  expect(written()).toBe(
    ['1,000', '6,000', '11,000'].map((count) => `Importing  ${count} events, 1,000/s\n`).join(''),
  )
})

test('a part of nothing is no part', () => {
  expect(progressText('Opening', { done: 0, total: 0 }, 1, true)).toBe('Opening  0 of 0')
})

test('a bar is for terminals', () => {
  const extent = { done: 45, total: 60 }
  expect(progressText('Verifying', extent, 1, true)).toBe('Verifying  ███████████████░░░░░  75 %  45 of 60')
  expect(progressText('Verifying', extent, 1, false)).toBe('Verifying   75 %  45 of 60')
})
