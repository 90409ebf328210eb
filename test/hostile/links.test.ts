import { readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { follow, open } from '../../src/index.ts'
import { diagnose, treat } from '../../src/log/diagnosis/diagnosis.ts'
import { memoir } from '../cli/program.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'

const QUIET = { watch: false, maintenance: false } as const

async function makeLog(): Promise<string> {
  const path = join(temporaryFolder(), 'log.git')
  await using log = await open(path, QUIET)
  await log.append('s', [{ type: 'Counted', data: {} }])
  return path
}

/** A log in which a name of the log's own leads to an empty folder elsewhere. */
async function logWithLink(name: string) {
  const path = await makeLog()
  const link = join(path, name)
  const elsewhere = temporaryFolder()
  rmSync(link, { recursive: true, force: true })
  symlinkSync(elsewhere, link)
  return { path, link, elsewhere }
}

describe.each([
  'memoir',
  'memoir/journal',
  'memoir/snapshots',
  'memoir/outbox',
  'memoir/remotes',
  'memoir/maintenance',
  'memoir/writer.000000000009.lock',
])('a link at %s', (name) => {
  test.each([false, true])('is refused before anything is written there; readOnly: %s', async (readOnly) => {
    const { path, link, elsewhere } = await logWithLink(name)
    const opening = open(path, { ...QUIET, readOnly })
    await expect(opening).rejects.toMatchObject({ code: 'unsupported-repository', path })
    await expect(opening).rejects.toThrow(link)
    expect(readdirSync(elsewhere)).toEqual([])
  })
})

test('a link that leads nowhere is refused, too', async () => {
  const { path, elsewhere } = await logWithLink('memoir/journal')
  rmSync(elsewhere, { recursive: true })
  await expect(open(path, QUIET)).rejects.toMatchObject({ code: 'unsupported-repository' })
})

test('a replica with such a link is refused', async () => {
  const remote = await makeLog()
  const { path, elsewhere } = await logWithLink('memoir')
  await expect(follow(remote, path, { stateDirectory: temporaryFolder() })).rejects.toMatchObject({
    code: 'unsupported-repository',
  })
  expect(readdirSync(elsewhere)).toEqual([])
})

test('the doctor says so once, and mends nothing through it', async () => {
  const { path, link } = await logWithLink('memoir/journal')
  const found = await diagnose({ path })
  expect(found).toMatchObject([{ code: 'unsupported-repository', severity: 'error', canFix: false }])
  expect(found[0]?.message).toContain(link)
  const torn = { ...found[0]!, code: 'journal-torn', canFix: true }
  await expect(treat(torn, { path })).rejects.toMatchObject({ code: 'unsupported-repository' })
})

test('the log works again once what the link leads to is moved into its place', async () => {
  const path = await makeLog()
  const [journal, elsewhere] = [join(path, 'memoir/journal'), join(temporaryFolder(), 'journal')]
  renameSync(journal, elsewhere)
  symlinkSync(elsewhere, journal)
  const { code, stderr } = await memoir(['-C', path, 'read'])
  expect(code).toBe(1)
  expect(stderr).toContain(`a link at ${journal}`)
  expect(stderr).toContain('into its place')
  rmSync(journal)
  renameSync(elsewhere, journal)
  await using log = await open(path, QUIET)
  expect(log.status().events).toBe(1)
})
