import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { currentProcess } from '../../../src/system/process-identity.ts'
import { batchFile, git, line } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
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

test('a shared log closes within its bound while a host is silent, and keeps what is to be pushed', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  const host = new Host()
  const shared = { fetchMs: 3_600_000, closeWithinMs: 1000 }
  const log = await remote.open('one', { remote: await host.start(), shared })
  host.isSilent = true
  await log.append('visit', [{ type: 'VisitNoted', id: 'offline' }], { ack: 'committed' })
  const confirmed = log.append('seat', [{ type: 'SeatTaken', id: 'confirmed' }])
  const isRefused = expect(confirmed).rejects.toMatchObject({ code: 'not-confirmed' })
  await expect.poll(() => host.held.length, { timeout: 20_000 }).toBeGreaterThan(0)
  const started = performance.now()
  await log.close()
  const took = performance.now() - started
  expect(took).toBeGreaterThan(900)
  expect(took).toBeLessThan(5000)
  await isRefused
  expect(log.status()).toMatchObject({ shared: { phase: 'stopped', provisional: 1 } })
  const again = await remote.open('one')
  await again.push()
  const stored: string[] = []
  for await (const { id } of again.read()) stored.push(id)
  expect(stored).toEqual(['offline'])
})

test('a shared log that is to push nothing while it closes pushes nothing', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  remote.cut('one')
  const log = await remote.open('one', { shared: { fetchMs: 3_600_000, closeWithinMs: 0 } })
  await log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
  remote.mend('one')
  await log.close()
  expect(remote.commits).toBe(1)
})

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

test.each(['push', 'pull'] as const)(
  'a %s of a shared log can be given up while a host is silent',
  async (call) => {
    const remote = await SharedRemote.create()
    await (await remote.open('one')).close()
    const host = new Host()
    const shared = { fetchMs: 3_600_000, closeWithinMs: 1000 }
    const log = await remote.open('one', { remote: await host.start(), shared })
    host.isSilent = true
    await log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
    const ending = new AbortController()
    const given = log[call]({ signal: ending.signal })
    const isGivenUp = expect(given).rejects.toThrow('enough')
    await expect.poll(() => host.held.length, { timeout: 20_000 }).toBeGreaterThan(0)
    ending.abort(new Error('enough'))
    await isGivenUp
    await expect(log[call]({ signal: ending.signal })).rejects.toThrow('enough')
    await log.close()
    expect(log.status()).toMatchObject({ shared: { phase: 'stopped', provisional: 1 } })
  },
)

test('a shared log closes at once after a pull was given up, with nothing to push', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  const host = new Host()
  const log = await remote.open('one', { remote: await host.start() })
  host.isSilent = true
  const ending = new AbortController()
  const isGivenUp = expect(log.pull({ signal: ending.signal })).rejects.toThrow('enough')
  await expect.poll(() => host.held.length, { timeout: 20_000 }).toBeGreaterThan(0)
  const started = performance.now()
  ending.abort(new Error('enough'))
  await isGivenUp
  await log.close()
  expect(performance.now() - started).toBeLessThan(5000)
})

test('a shared log whose outbox cannot be closed gives its lock back all the same', async () => {
  const remote = await SharedRemote.create()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await remote.open('one', { ports: { fileSystem } })
  remote.cut('one')
  await log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
  fileSystem.fail({
    on: ({ method, path }) => method === 'close' && path.includes('/outbox/'),
    effect: { kind: 'error', code: 'EIO', late: true },
  })
  await expect(log.close()).rejects.toMatchObject({ code: 'file-failed', cause: { code: 'EIO' } })
  const again = await remote.open('one')
  expect(again.pending()).toHaveLength(1)
})

test('a shared log that closes without its remote keeps all that was appended before', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  remote.cut('one')
  const log = await remote.open('one')
  const append = () => log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
  const first = append()
  // The first is being written to the outbox, and the second waits.
  await nextTurn()
  const appended = Promise.allSettled([first, append()])
  await log.close()
  expect(await appended).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
  const again = await remote.open('one')
  expect(again.pending()).toHaveLength(2)
})

test('a shared log that closes does not wait until all is looked at that it fetched', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one', { shared: { fetchMs: 3_600_000, closeWithinMs: 0 } })
  const commits = Array.from({ length: 1000 }, (_, at) => {
    const content = line(at + 1)
    const from = at === 0 ? `from ${remote.head}\n` : ''
    const file = `M 100644 inline ${batchFile(at + 1)}\ndata ${content.length}\n${content}\n`
    return `commit refs/heads/main\ncommitter a <a@example.org> ${at} +0000\ndata 1\nx\n${from}${file}`
  })
  git(remote.path, ['fast-import', '--quiet'], { input: commits.join('') })
  const { lastFetchMs } = log.status().shared!
  const pulled = log.pull().then(
    () => 'pulled',
    ({ code }) => code,
  )
  const fetched = () => log.status().shared?.lastFetchMs
  await expect.poll(fetched, { timeout: 20_000, interval: 5 }).not.toBe(lastFetchMs)
  await log.close()
  expect(await pulled).toBe('log-closed')
})

test('a shared log closes at once while it queues for nobody', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const turns = `${remote.path}/memoir/turns`
  mkdirSync(turns, { recursive: true })
  writeFileSync(`${turns}/turn.000000000001`, JSON.stringify(currentProcess(0)))
  const ending = new AbortController()
  const append = log.append('seat', [{ type: 'SeatTaken' }], { signal: ending.signal })
  const isGivenUp = expect(append).rejects.toMatchObject({ code: 'not-confirmed', mayBeStored: false })
  await expect.poll(() => readdirSync(turns).length, { timeout: 20_000 }).toBe(2)
  ending.abort(new Error('enough'))
  await isGivenUp
  const started = performance.now()
  await log.close()
  expect(performance.now() - started).toBeLessThan(3000)
  expect(readdirSync(turns)).toEqual(['turn.000000000001'])
})
