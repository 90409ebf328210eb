import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { appendBytes } from './appending.ts'
import { createNetwork } from './network.ts'
import { expectNoGitLeft, expectSound, gitsAt, head } from './soundness.ts'

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href

const TIMEOUT_MS = 2_000
/** How much longer a git takes that has to end by itself: curl goes by the speed of the last five seconds and more. */
const OWN_END_MS = 8_000

test('a git whose process was killed while the host was silent ends by itself, and is in nobody’s way', async () => {
  const network = await createNetwork()
  const path = `${network.folder}/log.git`
  const first = await open(path, { remote: network.address })
  await appendBytes(first, 1000)
  await first.close()
  network.server.answer = ({ method }) => (method === 'POST' ? 'silence' : undefined)
  const code = `
    import { open } from '${LIBRARY}'
    const log = await open('${path}', { remote: '${network.address}' })
    await log.push(undefined, { timeoutMs: ${TIMEOUT_MS} })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await expect
    .poll(() => network.server.served.some(({ method }) => method === 'POST'), { timeout: 20_000 })
    .toBe(true)
  child.kill('SIGKILL')
  await ended
  expect(gitsAt(network.folder)).not.toEqual([])

  network.server.answer = () => undefined
  const log = await open(path, { remote: network.address })
  await log.push()
  expect(head(network.remote)).toBe(log.status().commit)
  await log.close()
  await expectNoGitLeft(network.folder, TIMEOUT_MS + OWN_END_MS)
  await expectSound(network, path)
})
