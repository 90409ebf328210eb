import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clone, type Log, open } from '../../src/index.ts'
import { times } from '../crash/scale.ts'
import { appendBytes } from './appending.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import { createNetwork, type Network } from './network.ts'
import { expectPrefix, expectSound, head } from './soundness.ts'
import { SshServer, whyNoSsh } from './ssh-server.ts'

const missing = whyNoSsh()
const CUTS = times(4, 400)

describe.runIf(missing === undefined)(`over ssh${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('clone, push and pull work', async () => {
    await using user = await createUser()
    await user.log.push()
    const copy = await clone(user.address, `${user.network.folder}/copy.git`)
    await appendBytes(user.log, 1000)
    await user.log.push()
    await copy.pull()
    expect(copy.status().commit).toBe(user.log.status().commit)
    await copy.close()
    await expectSound(user.network, user.path)
  })

  test('a host whose key is not known is told as such', async () => {
    await using user = await createUser()
    user.trust(undefined)
    const failure = { code: 'remote-failed', kind: 'auth', hint: expect.stringContaining('host key') }
    await expect(user.log.push()).rejects.toMatchObject(failure)
    await expect(user.log.pull()).rejects.toMatchObject(failure)
  })

  test('a key that the host does not know is an auth failure', async () => {
    await using user = await createUser()
    user.trust(user.proxy.port, 'stranger')
    await expect(user.log.push()).rejects.toMatchObject({ code: 'remote-failed', kind: 'auth' })
  })

  test('a host that falls silent is given up on, and no ssh is left', async () => {
    await using user = await createUser()
    user.proxy.plan({ direction: 'down', afterBytes: 3_000, kind: 'stall' })
    const silent = { kind: 'network', hint: expect.stringContaining('silent') }
    await expect(user.log.push(undefined, { timeoutMs: 1_000 })).rejects.toMatchObject(silent)
    user.proxy.mend()
    await user.log.push()
    await expectSound(user.network, user.path)
  })

  test(`a push that is cut at ${CUTS} bytes leaves a prefix of the log, and the next one brings the rest`, async () => {
    await using user = await createUser()
    const { proxy, log, network, path } = user
    await log.push()
    await appendBytes(log, 1000)
    proxy.mend()
    await log.push()
    const passed = { ...proxy.passed }
    for (let cut = 0; cut < CUTS; cut++) {
      await appendBytes(log, 1000)
      const direction = cut % 2 === 0 ? 'up' : 'down'
      const afterBytes = Math.round((passed[direction] * cut) / CUTS)
      const before = head(network.remote)
      proxy.plan({ direction, afterBytes, kind: cut % 4 < 2 ? 'cut' : 'reset' })
      const failure = await log.push().then(
        () => undefined,
        (error) => error,
      )
      await expectPrefix(network.remote, path)
      if (failure === undefined) expect(head(network.remote)).toBe(log.status().commit)
      else expect(failure, String(failure.cause)).toMatchObject({ code: 'remote-failed', kind: 'network' })
      if (failure?.mayHaveArrived === false) expect(head(network.remote)).toBe(before)
      proxy.mend()
      await log.push()
      expect(head(network.remote)).toBe(log.status().commit)
    }
    await expectSound(network, path)
  }, 3_600_000)
})

interface User extends AsyncDisposable {
  readonly network: Network
  /** Between the user and the ssh server. */
  readonly proxy: FaultyProxy
  readonly address: string
  readonly log: Log
  readonly path: string
  /** Makes the server known to the user at a port, or at none, and gives the user a key. */
  readonly trust: (port: number | undefined, key?: 'user' | 'stranger') => void
}

async function createUser(): Promise<User> {
  const network = await createNetwork()
  const keys = `${network.folder}/keys`
  mkdirSync(keys)
  const server = await SshServer.start(keys)
  onTestFinished(() => server[Symbol.asyncDispose]())
  const proxy = await FaultyProxy.start({ port: server.port, host: '127.0.0.1' })
  onTestFinished(() => proxy[Symbol.asyncDispose]())
  const trust: User['trust'] = (port, key) =>
    writeFileSync(`${network.folder}/.gitconfig`, `[core]\n\tsshCommand = ${server.command(port, key)}\n`)
  trust(proxy.port)
  const address = `ssh://${server.user}@127.0.0.1:${proxy.port}${network.remote}`
  const path = `${network.folder}/log.git`
  const log = await open(path, { remote: address })
  await appendBytes(log, 1000)
  return { network, proxy, address, log, path, trust, [Symbol.asyncDispose]: () => log.close() }
}
