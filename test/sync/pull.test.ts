import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'

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
