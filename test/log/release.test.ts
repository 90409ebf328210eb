import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { temporaryFolder } from './event-log-fixture.ts'

test('a close that fails at the file of a snapshot gives the writer’s lock back all the same', async () => {
  const path = `${temporaryFolder()}/log.git`
  const first = await open(path, { snapshot: { everyEvents: 1 } })
  await first.append('a', [{ type: 'A', data: 1 }])
  await first.close()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await open(path, { ports: { fileSystem } })
  fileSystem.fail({
    on: (call) => call.method === 'close' && call.path.includes('/snapshots/'),
    effect: { kind: 'error', code: 'EIO' },
  })
  await expect(log.close()).rejects.toThrow()
  await (await open(path)).close()
  rmSync(path, { recursive: true })
})
