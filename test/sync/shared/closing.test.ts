import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { SharedRemote } from './shared-fixture.ts'

/** A host that ends each connection at once, until it is told to say nothing any more. */
class Host {
  readonly held: Socket[] = []
  isSilent = false
  private readonly server = createServer((socket) => {
    socket.on('error', () => undefined)
    if (this.isSilent) this.held.push(socket)
    else socket.destroy()
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      this.server.close()
      for (const socket of this.held) socket.destroy()
    })
    const address = this.server.address() as { readonly port: number }
    return `http://127.0.0.1:${address.port}/log.git`
  }
}

test('a shared log closes at once while a host is silent from which nobody wants anything', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  const host = new Host()
  const log = await remote.open('one', { remote: await host.start(), shared: { fetchMs: 50 } })
  host.isSilent = true
  await expect.poll(() => host.held.length, { timeout: 20_000 }).toBe(1)
  const started = performance.now()
  await log.close()
  expect(performance.now() - started).toBeLessThan(5000)
  expect(log.status()).toMatchObject({ shared: { phase: 'stopped' } })
})
