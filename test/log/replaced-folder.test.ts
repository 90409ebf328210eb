import { execFileSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { LogLockedError, SealFailedError } from '../../src/log/errors.ts'
import { FileFailedError } from '../../src/repository/errors.ts'
import { appendEach, gitText, numbers, openLog, temporaryFolder } from './event-log-fixture.ts'

/** Another folder takes the place of an open log, which lies elsewhere then. */
function replaceFolder(path: string): string {
  const elsewhere = `${path}.moved`
  renameSync(path, elsewhere)
  return elsewhere
}

async function countJournaled(path: string): Promise<number> {
  const journal = await openFileJournal({ directory: `${path}/memoir/journal`, readOnly: true })
  let events = 0
  for await (const { count } of journal.read()) events += count
  return events
}

test('a writer leaves the lock and the journal alone of a log that took the place of its own', async () => {
  const path = `${temporaryFolder()}/log.git`
  const first = await openLog(path)
  await appendEach(first, 's', 3)
  await first.log.seal()
  replaceFolder(path)
  const second = await openLog(path)
  await appendEach(second, 's', 2)
  await expect(first.close()).rejects.toThrow(FileFailedError)
  expect(await countJournaled(path)).toBe(2)
  await expect(openLog(path)).rejects.toThrow(LogLockedError)
  await second.close()
  expect(await numbers(await openLog(path))).toEqual([1, 2])
})

test('a writer commits nothing to a repository that took the place of its own, and goes on when it is back', async () => {
  const path = `${temporaryFolder()}/log.git`
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  await appendEach(opened, 's', 1, 2)
  const elsewhere = replaceFolder(path)
  execFileSync('git', ['clone', '-q', '--bare', elsewhere, path])
  await expect(opened.log.seal()).rejects.toThrow(SealFailedError)
  expect(gitText(path, 'rev-list', '--count', 'HEAD')).toBe('2')
  renameSync(path, `${path}.clone`)
  renameSync(elsewhere, path)
  await opened.log.seal()
  await opened.close()
  expect(await numbers(await openLog(path))).toEqual([1, 2])
})

test('a writer whose folder is gone says so when it is closed', async () => {
  const path = `${temporaryFolder()}/log.git`
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  replaceFolder(path)
  await expect(opened.close()).rejects.toThrow(FileFailedError)
})
