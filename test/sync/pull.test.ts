import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { clone, open } from '../../src/memoir.ts'
import { batchFile, commitForeign, temporaryFolder } from '../log/event-log-fixture.ts'
import { gitText } from '../repository/real-git.ts'

test('closing ends a pull whose remote says nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const log = await open(`${temporaryFolder()}/log.git`, { watch: false })
  const connected = once(server, 'connection')
  const pulled = log.pull(`http://127.0.0.1:${port}/log.git`).catch((error) => error)
  const [socket] = await connected
  onTestFinished(() => void socket.destroy())
  await log.close()
  const outcome = await Promise.race([pulled, nextTurn('still pulling')])
  expect(outcome).toMatchObject({ code: 'log-closed' })
  await expect(log.pull()).rejects.toMatchObject({ code: 'log-closed' })
})

test('a mirror that lags behind the address where pushes go has lost nothing', async () => {
  const folder = temporaryFolder()
  const [remote, mirror, path] = ['remote.git', 'mirror.git', 'log.git'].map((name) => `${folder}/${name}`)
  await (await open(remote!)).close()
  gitText(folder, 'clone', '--quiet', '--bare', remote!, mirror!)
  await using log = await clone(mirror!, path)
  gitText(path!, 'config', 'remote.origin.pushurl', remote!)
  await log.append('stream', [{ type: 'Counted' }])
  await log.push()
  expect(await log.pull()).toMatchObject({ from: 1, to: 1 })
  gitText(mirror!, 'update-ref', '-d', 'refs/heads/main')
  await expect(log.pull()).rejects.toMatchObject({ code: 'remote-branch-missing' })
})

test('a pull beside a commit by hand that is none of a log says what is wrong with it', async () => {
  const folder = temporaryFolder()
  const [remote, path] = [`${folder}/remote.git`, `${folder}/log.git`]
  await using other = await open(remote)
  await using log = await clone(remote, path, { watch: false })
  await other.append('stream', [{ type: 'Counted' }], { ack: 'committed' })
  commitForeign(path, { [batchFile(7)]: 'no event\n' })
  await expect(log.pull()).rejects.toMatchObject({ code: 'branch-unreadable' })
})
