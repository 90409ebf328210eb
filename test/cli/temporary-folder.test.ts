import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { memoir, temporaryFolder } from './program.ts'

test('a temporary folder that is not there is named, and git is not called missing', async () => {
  await using own = await temporaryFolder()
  const cwd = own.path
  // What maintenance packed is read by a git, which works in a temporary folder: a small pack is read without one.
  const log = await open(join(cwd, 'log.git'))
  for (let commit = 1; commit <= 60; commit++) {
    await log.append('a', [{ type: 'Counted', data: { commit } }], { ack: 'committed' })
  }
  await log.close()
  await memoir(['-C', 'log.git', 'maintain'], { cwd })
  const TMPDIR = join(cwd, 'nowhere')
  const run = (...words: string[]) => memoir(words, { cwd, env: { TMPDIR } })
  const read = await run('-C', 'log.git', 'read')
  expect(read.code).toBe(1)
  expect(read.stderr).toContain(`the file system failed at ${TMPDIR}`)
  const doctor = await run('-C', 'log.git', 'doctor')
  expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('file-failed')])
  expect(doctor.stdout).not.toContain('git-missing')
  const drill = await run('-C', 'log.git', 'drill', 'log.git')
  expect([drill.code, drill.stderr]).toEqual([1, expect.stringContaining(TMPDIR)])
})
