import { expect, test } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { event } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { SharedRemote } from './shared-fixture.ts'

const OFFLINE = { ack: 'committed' } as const

test('a repeated append that only the clone holds is confirmed when the remote has it, and no sooner', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  // Of a time when this clone was the only writer.
  const alone = await open(`${remote.folder}/one.git`)
  await alone.append('a', [event(1, { id: 'one' })], { ack: 'committed' })
  await alone.close()
  remote.cut('one')
  const log = await remote.open('one')
  const commits = log.append('a', [event(1, { id: 'one' })]).then(() => remote.commits)
  await log.append('b', [event(2)], OFFLINE)
  remote.mend('one')
  expect(await commits).toBeGreaterThan(1)
})

test('a repeated append that the remote may hold is not said to be stored nowhere, while it cannot be looked for', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const ending = new AbortController()
  remote.hookOnce('post-receive', `while [ ! -e ${remote.folder}/go ]; do sleep 0.01; done`)
  const append = (signal = new AbortController().signal) =>
    log.append('a', [event(1, { id: 'one' })], { signal })
  const first = append(ending.signal).catch((error) => error)
  await expect.poll(() => remote.hasRun, { timeout: 20_000 }).toBe(true)
  remote.cut('one')
  ending.abort(new Error('enough'))
  expect(await first).toMatchObject({ code: 'not-confirmed', mayBeStored: true })
  const again = new AbortController()
  const second = append(again.signal).catch((error) => error)
  await expect.poll(() => log.status().shared?.failure, { timeout: 20_000 }).toBeDefined()
  again.abort(new Error('enough'))
  expect(await second).toMatchObject({ code: 'not-confirmed', mayBeStored: true })
  remote.mend('one')
  expect(await append()).toMatchObject({ position: 1 })
  expect(remote.commits).toBe(2)
})

test('an append that is confirmed while the outbox has no room to say so waits no more once it has', async () => {
  const remote = await SharedRemote.create()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await remote.open('one', { ports: { fileSystem } })
  remote.cut('one')
  await log.append('a', [event(1)], OFFLINE)
  fileSystem.fail({
    on: ({ method, path }) => method === 'write' && path.includes('/outbox/'),
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  remote.mend('one')
  await log.push().catch(() => undefined)
  await log.push()
  expect(log.pending()).toEqual([])
  expect(remote.commits).toBe(2)
})

test('a conflict that was retried, and that the outbox has no room to forget, is not said to be stored nowhere', async () => {
  const remote = await SharedRemote.create()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await remote.open('one', { ports: { fileSystem } })
  await (await remote.open('other')).append('a', [event(1)])
  await log.append('a', [event(2)], { ...OFFLINE, expectedVersion: 'no-stream' })
  await log.push()
  const [conflict] = log.conflicts()
  fileSystem.fail({
    on: ({ method, path }) => method === 'write' && path.includes('/outbox/'),
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const appends = [{ stream: 'a', events: [event(3)] }]
  expect(await log.retryConflict(conflict!.id, { appends })).toMatchObject({ position: 2 })
  await log.dropConflict(conflict!.id)
  expect(log.conflicts()).toEqual([])
})
