import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { OpenEventLogOptions } from '../../src/log/open-event-log.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import {
  appendEach,
  batchFile,
  commitForeign,
  git,
  gitText,
  line,
  numbers,
  openLog,
  type TestLog,
  temporaryFolder,
  until,
} from './event-log-fixture.ts'

/** A log with five events, at a commit, and five more behind it. */
async function makeLog(
  options: Partial<OpenEventLogOptions> = {},
): Promise<{ folder: string; opened: TestLog; atFive: string }> {
  const folder = temporaryFolder()
  const opened = await openLog(folder, options)
  await appendEach(opened, 's', 5)
  await opened.log.seal()
  const atFive = gitText(folder, 'rev-parse', 'HEAD')
  await appendEach(opened, 's', 5, 6)
  await opened.log.seal()
  return { folder, opened, atFive }
}

/** What a writer that is killed now leaves behind. */
function copyOf(folder: string): string {
  const copy = temporaryFolder()
  cpSync(folder, copy, { recursive: true })
  // The lock that was copied belongs to this process, which is still alive.
  for (const name of readdirSync(join(copy, 'memoir'))) {
    if (name.endsWith('.lock')) rmSync(join(copy, 'memoir', name))
  }
  return copy
}

test('keeps what is appended after the branch was set back, when it cannot be committed before the close', async () => {
  const { folder, opened, atFive } = await makeLog()
  git(folder, ['update-ref', 'HEAD', atFive])
  await appendEach(opened, 's', 2, 11)
  commitForeign(folder, { [batchFile(6)]: line(6, { version: 1 }) })
  await expect(opened.close()).rejects.toMatchObject({ code: 'log-diverged', unsealed: 2 })
  git(folder, ['update-ref', 'HEAD', atFive])
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3, 4, 5, 11, 12])
})

test('keeps what is appended after a foreign commit was taken back, when the writer is killed', async () => {
  const { folder, opened } = await makeLog()
  const atTen = gitText(folder, 'rev-parse', 'HEAD')
  commitForeign(folder, { [batchFile(11)]: line(11, { version: 1 }) + line(12, { version: 2 }) })
  await opened.log.follower.look()
  git(folder, ['update-ref', 'HEAD', atTen])
  await appendEach(opened, 's', 2, 21)
  expect((await numbers(await openLog(copyOf(folder)))).slice(9)).toEqual([10, 21, 22])
})

test('does not bring back what was set back under a writer that is killed then', async () => {
  const { folder, opened, atFive } = await makeLog()
  git(folder, ['update-ref', 'HEAD', atFive])
  await opened.log.follower.look()
  const again = await openLog(copyOf(folder))
  expect(await numbers(again)).toEqual([1, 2, 3, 4, 5])
  await appendEach(again, 's', 1, 6)
  expect(await numbers(again)).toEqual([1, 2, 3, 4, 5, 6])
})

test('goes on after the branch was set back, though the journal could not begin anew at once', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const { folder, opened, atFive } = await makeLog({ fileSystem })
  git(folder, ['update-ref', 'HEAD', atFive])
  const isOfJournal = ({ method, path }: Call) => method === 'stat' && path.endsWith('/journal')
  fileSystem.fail({ on: isOfJournal, effect: { kind: 'error', code: 'EMFILE' } })
  await expect(appendEach(opened, 's', 1)).rejects.toMatchObject({ code: 'branch-unreadable' })
  await until(async () => {
    await opened.log.follower.look()
    return opened.log.follower.problem === undefined
  })
  await appendEach(opened, 's', 1, 6)
  expect(await numbers(await openLog(copyOf(folder)))).toEqual([1, 2, 3, 4, 5, 6])
})

test('opens after events were replaced under a writer that is killed then', async () => {
  const { folder, opened } = await makeLog()
  const replaced = Array.from({ length: 5 }, (_, at) => line(6 + at, { stream: 's' })).join('')
  commitForeign(folder, { [batchFile(6)]: replaced }, { amend: true })
  await opened.log.follower.look()
  expect(opened.notices).toMatchObject([{ kind: 'rewritten', commonPosition: 5, positionAfter: 10 }])
  const again = await openLog(copyOf(folder))
  expect((await again.log.event(10)).stream).toBe('s')
  expect((await again.log.event(10)).id).toBe('foreign-s-10')
})

test('a seal that waited behind a look ends when the branch was set back in between', async () => {
  const folder = temporaryFolder()
  await (await openLog(folder)).close()
  const start = gitText(folder, 'rev-parse', 'HEAD')
  let isSetBack = false
  const opened = await openLog(folder, {
    onSealed: () => {
      if (!isSetBack) git(folder, ['update-ref', 'HEAD', start])
      isSetBack = true
    },
  })
  await appendEach(opened, 's', 2)
  const { sealer } = opened.log.writer!
  await Promise.all([sealer.seal(), opened.log.follower.look(), sealer.seal()])
  expect(await numbers(opened)).toEqual([])
})

test.each([true, false])('takes in a history whose old commits are gone, read-only: %s', async (readOnly) => {
  const { folder, opened: first, atFive } = await makeLog()
  await first.close()
  const opened = await openLog(folder, { readOnly })
  const { follower } = opened.log
  git(folder, ['update-ref', 'HEAD', atFive])
  commitForeign(folder, { [batchFile(6)]: line(16, { version: 1 }) })
  git(folder, ['prune', '--expire=now'])
  await follower.look()
  expect(follower.problem).toBeUndefined()
  expect(await numbers(opened)).toEqual([1, 2, 3, 4, 5, 16])
  if (readOnly) return
  await appendEach(opened, 's', 1, 17)
  expect(await numbers(opened)).toEqual([1, 2, 3, 4, 5, 16, 17])
})
