import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { start, temporaryFolder } from './program.ts'

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends a command whose reader takes nothing with %i, and it gives the lock back',
  async (signal, expected) => {
    await using folder = await temporaryFolder()
    const remote = join(folder.path, 'remote.git')
    const replica = join(folder.path, 'replica.git')
    const event = { type: 'T', data: { text: 'x'.repeat(1000) } }
    await using log = await open(remote)
    await log.append(
      's',
      Array.from({ length: 5000 }, () => event),
      { ack: 'committed' },
    )
    const { child } = start(['follow', remote, replica, '-n', '5000', '--json'])
    onTestFinished(() => void child.kill('SIGKILL'))
    // What a pipe holds comes, and then nothing more is taken.
    child.stdout.pause()
    while (child.stdout.readableLength === 0) await setImmediate()
    child.kill(signal)
    const began = performance.now()
    const [code] = await once(child, 'exit')
    expect(code).toBe(expected)
    expect(performance.now() - began).toBeLessThan(4500)
    expect(lockOf(replica)).toBe('released')
  },
)

/** What the last lock of a log says at its beginning. */
function lockOf(path: string): string {
  const directory = join(path, 'memoir')
  const last = readdirSync(directory)
    .filter((name) => name.endsWith('.lock'))
    .sort()
    .at(-1)
  return readFileSync(join(directory, last!), 'utf8').split('\n', 1).join()
}
