import { join } from 'node:path'
import { expect, test } from 'vitest'
import { forgetLocks } from '../crash/observation.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { appendEach, fsck, numbers, openLog, type TestLog, temporaryFolder } from './event-log-fixture.ts'

async function makeDisk(): Promise<{ readonly disk: CrashFileSystem; readonly path: string }> {
  const root = temporaryFolder()
  return { disk: await CrashFileSystem.over(root), path: join(root, 'log.git') }
}

/** The log that is there after a power cut that takes all that was not synced. */
async function openAfterPowerCut(disk: CrashFileSystem): Promise<TestLog> {
  const target = temporaryFolder()
  await disk.crash({ survives: () => false, target })
  const path = join(target, 'log.git')
  forgetLocks(path)
  const opened = await openLog(path)
  expect(fsck(path)).toBe('')
  return opened
}

test('the journal forgets nothing before a branch is durable that a killed writer moved', async () => {
  const { disk, path } = await makeDisk()
  const fileSystem = new FaultyFileSystem(disk)
  const killed = await openLog(path, { fileSystem })
  await appendEach(killed, 's', 3)
  const isAfterTheMove = ({ method, path }: Call) => method === 'syncDirectory' && path.endsWith('/heads')
  fileSystem.fail({ on: isAfterTheMove, effect: { kind: 'error', code: 'EIO' } })
  await expect(killed.log.seal()).rejects.toMatchObject({ code: 'seal-failed' })
  forgetLocks(path)
  const next = await openLog(path, { fileSystem: disk })
  expect(next.log.state.branch.position).toBe(3)
  await next.close()
  expect(await numbers(await openAfterPowerCut(disk))).toEqual([1, 2, 3])
})
