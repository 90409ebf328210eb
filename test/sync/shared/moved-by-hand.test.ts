import { expect, test } from 'vitest'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { batchFile, commitForeign, event, gitText } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { SharedRemote } from './shared-fixture.ts'

test('a shared log goes on where a git brought its branch along by hand', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one', { watch: false })
  const other = await remote.open('other')
  await other.append('a', [event(1)])
  gitText(`${remote.folder}/one.git`, 'fetch', '--quiet', remote.path, 'main:main')
  expect(await log.append('a', [event(2)])).toMatchObject({ position: 2 })
  expect(log.status().shared?.failure).toBeUndefined()
})

test('a shared log goes on where the disk failed after it had moved the branch', async () => {
  const remote = await SharedRemote.create()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await remote.open('one', { watch: false, ports: { fileSystem } })
  fileSystem.fail({
    on: ({ method, path }) => method === 'syncDirectory' && path.endsWith('/refs/heads'),
    effect: { kind: 'error', code: 'EIO', late: true },
  })
  const append = () => log.append('a', [event(1, { id: 'one' })])
  await expect(append()).rejects.toMatchObject({ code: 'not-confirmed', mayBeStored: true })
  expect(await append()).toMatchObject({ position: 1 })
  expect(log.status().events).toBe(1)
})

test('a shared log pushes nothing past a commit by hand that is none of a log, and goes on when it is taken back', async () => {
  const remote = await SharedRemote.create()
  const { head } = remote
  const log = await remote.open('one', { watch: false })
  const clone = `${remote.folder}/one.git`
  commitForeign(clone, { [batchFile(7)]: 'no event\n' })
  const refused = { code: 'branch-unreadable' }
  await expect(log.append('a', [event(1)])).rejects.toMatchObject(refused)
  await expect(log.pull()).rejects.toMatchObject(refused)
  expect(remote.head).toBe(head)
  gitText(clone, 'update-ref', 'HEAD', head)
  expect(await log.append('a', [event(2)])).toMatchObject({ position: 1 })
})

test('a shared log does not push a commit by hand that no other clone takes in, though it was taken back on top', async () => {
  const remote = await SharedRemote.create()
  const { head } = remote
  const log = await remote.open('one', { watch: false })
  const other = await remote.open('other')
  const clone = `${remote.folder}/one.git`
  commitForeign(clone, { [batchFile(7)]: 'no event\n' })
  commitForeign(clone, { [batchFile(7)]: undefined })
  await expect(log.append('a', [event(1)])).rejects.toMatchObject({ code: 'unexpected-entry' })
  expect(remote.head).toBe(head)
  gitText(clone, 'update-ref', 'HEAD', head)
  await log.append('a', [event(2)])
  expect(await other.append('a', [event(3)])).toMatchObject({ position: 2 })
})

test('a shared log does not push a revert of what the remote has confirmed', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  await log.append('a', [event(1)])
  await log.append('a', [event(2)])
  await log.close()
  const { head } = remote
  const clone = `${remote.folder}/one.git`
  commitForeign(clone, { [batchFile(2)]: undefined })
  await expect(remote.open('one')).rejects.toMatchObject({ code: 'history-changed', position: 2 })
  expect(remote.head).toBe(head)
  gitText(clone, 'update-ref', 'HEAD', head)
  const mended = await remote.open('one')
  expect(await mended.append('a', [event(3)])).toMatchObject({ position: 3 })
})
