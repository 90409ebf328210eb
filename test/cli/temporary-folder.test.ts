import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { git } from '../repository/real-git.ts'
import { memoir, temporaryFolder } from './program.ts'

test('a temporary folder that is not there is named, and git is not called missing', async () => {
  await using own = await temporaryFolder()
  const cwd = own.path
  const log = await open(join(cwd, 'log.git'))
  await log.append('a', [{ type: 'Counted', data: {} }])
  await log.close()
  packAmongMany(join(cwd, 'log.git'))
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

/** Packs of so many objects are read by a git, which works in a temporary folder: smaller ones are read without one. */
function packAmongMany(gitDirectory: string): void {
  const paths = Array.from({ length: 2400 }, (_, number) => join(gitDirectory, `file-${number}`))
  for (const path of paths) writeFileSync(path, path)
  git(gitDirectory, ['hash-object', '-w', '--stdin-paths'], { input: paths.join('\n') })
  for (const path of paths) rmSync(path)
  const all = git(gitDirectory, ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'])
  git(gitDirectory, ['pack-objects', '--quiet', 'objects/pack/pack'], { input: all })
  git(gitDirectory, ['prune-packed', '--quiet'])
}
