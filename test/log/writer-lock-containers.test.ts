import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { LIBRARY } from '../cli/program.ts'
import { temporaryFolder } from './event-log-fixture.ts'

/** Process numbers of its own, as a container has them, with the name and the network of this machine. */
const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
const [UNSHARE = '', ...FLAGS] = CONTAINER
const isPossible = spawnSync(UNSHARE, [...FLAGS, 'true']).status === 0

/** Opens a log for writing in a container, and says so, or why not. */
function openElsewhere(path: string): ChildProcess {
  const program = `import { open } from ${JSON.stringify(LIBRARY)}
    try {
      await open(${JSON.stringify(path)}, { watch: false })
      console.log('open')
      setInterval(() => {}, 1000)
    } catch (error) {
      console.log(error.code + ': ' + error.message)
    }`
  const child = spawn(UNSHARE, [...FLAGS, process.execPath, '--input-type=module', '-e', program])
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function untilOpen({ stdout }: ChildProcess): Promise<void> {
  const [said] = await once(stdout!, 'data')
  expect(String(said)).toBe('open\n')
}

const name = isPossible
  ? 'in containers that have one host name'
  : 'in containers that have one host name (skipped: no root, or no unshare)'

describe.skipIf(!isPossible)(name, () => {
  test('a log that is open outside is locked inside', async () => {
    const path = `${temporaryFolder()}/bank.git`
    await using _ = await open(path)
    expect(await text(openElsewhere(path).stdout!)).toMatch(
      /^log-locked: the log is being written by process/,
    )
  })

  test('a log that is open inside is locked outside and in another one, where its process has the same number', async () => {
    const path = `${temporaryFolder()}/bank.git`
    await untilOpen(openElsewhere(path))
    await expect(open(path)).rejects.toMatchObject({ code: 'log-locked' })
    expect(await text(openElsewhere(path).stdout!)).toMatch(
      /^log-locked: the log is being written by process 1 /,
    )
  })

  test('a log is taken over at once from one that was killed', async () => {
    const path = `${temporaryFolder()}/bank.git`
    const killed = openElsewhere(path)
    await untilOpen(killed)
    killed.kill('SIGKILL')
    await once(killed, 'close')
    const next = openElsewhere(path)
    await untilOpen(next)
    next.kill('SIGKILL')
    await once(next, 'close')
    await using log = await open(path)
    expect(log.status().events).toBe(0)
  })
})
