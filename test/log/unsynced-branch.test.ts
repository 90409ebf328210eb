import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { forgetLocks } from '../crash/observation.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import {
  appendEach,
  batchFile,
  commitForeign,
  fsck,
  line,
  numbers,
  openLog,
  type TestLog,
  temporaryFolder,
} from './event-log-fixture.ts'

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

/** Commits with plain git, which syncs neither loose objects nor folders. */
function commitUnsynced(disk: CrashFileSystem, path: string, files: Readonly<Record<string, string>>): void {
  const before = new Set(objectsIn(path))
  const commit = commitForeign(path, files)
  for (const file of objectsIn(path)) if (!before.has(file)) disk.noticeFile(file, readFileSync(file), false)
  disk.noticeFile(join(path, 'refs/heads/main'), Buffer.from(`${commit}\n`), false)
}

function objectsIn(path: string): string[] {
  return readdirSync(join(path, 'objects'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
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

test('what git committed is durable before events rest on it', async () => {
  const { disk, path } = await makeDisk()
  const opened = await openLog(path, { fileSystem: disk })
  await opened.log.append(
    [{ stream: 's', events: [{ type: 'Counted', data: { number: 1 } }] }],
    undefined,
    'committed',
  )
  commitUnsynced(disk, path, { [batchFile(2)]: line(2, { version: 1 }), 'notes/README': 'By hand.\n' })
  await appendEach(opened, 's', 1, 3)
  expect(await numbers(await openAfterPowerCut(disk))).toEqual([1, 2, 3])
  await opened.log.seal()
  expect(await numbers(await openAfterPowerCut(disk))).toEqual([1, 2, 3])
})

test('what git committed while no writer had the log open is durable before events rest on it', async () => {
  const { disk, path } = await makeDisk()
  const before = await openLog(path, { fileSystem: disk })
  await appendEach(before, 's', 1)
  await before.close()
  commitUnsynced(disk, path, { [batchFile(2)]: line(2, { version: 1 }), 'notes/README': 'By hand.\n' })
  const opened = await openLog(path, { fileSystem: disk })
  await appendEach(opened, 's', 1, 3)
  expect(await numbers(await openAfterPowerCut(disk))).toEqual([1, 2, 3])
})
