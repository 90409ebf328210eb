import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { batchFile, commitForeign, line } from '../log/event-log-fixture.ts'
import { balances, deposit, TemporaryFolder } from './image-fixture.ts'

test('a close that fails waits for a snapshot that is being written, too', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('bank.git')
  const renamed: string[] = []
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    rename: async (from, to) => {
      if (to.endsWith('.snapshot')) await wait(200)
      await nodeFileSystem.rename(from, to)
      renamed.push(to)
    },
  }
  const log = await open(path, {
    projections: [balances],
    snapshot: { everyEvents: 1 },
    watch: false,
    ports: { fileSystem },
  })
  await log.append('a', [deposit(1)], { ack: 'committed' })
  await log.append('a', [deposit(2)])
  commitForeign(path, { [batchFile(2)]: line(2, { version: 1 }) })
  await expect(log.close()).rejects.toMatchObject({ code: 'log-diverged' })
  const { length } = renamed
  await wait(1000)
  expect(renamed.length).toBe(length)
})
