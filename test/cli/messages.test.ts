import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Messages } from '../../src/cli/messages.ts'

test('a message takes the place of the bar on a terminal, which is drawn anew after it', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 100 })
  const messages = new Messages(stream)
  using progress = messages.progress('Importing')
  using _other = messages.progress('Opening')
  vi.advanceTimersByTime(1500)
  progress.update({ done: 7 })
  messages.say('Said.')
  vi.advanceTimersByTime(200)
  progress.update({ done: 8 })
  expect(stream.read()).toBe('\rImporting  7\u001b[K\r\u001b[KSaid.\n\rImporting  8\u001b[K')
})
