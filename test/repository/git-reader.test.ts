import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ObjectMissingError } from '../../src/repository/errors.ts'
import { GitProcessReader } from '../../src/repository/git-process-reader.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { describeGitReader } from './git-reader.suite.ts'
import { bareRepository, temporaryDirectory } from './real-git.ts'

describeGitReader('git')
describeGitReader('isomorphic')

test('starts one git to find out why a thousand objects have no size', async () => {
  const gitDirectory = bareRepository()
  const folder = temporaryDirectory()
  const script = `#!/bin/sh\necho >> '${folder}/starts'\nPATH='${process.env.PATH}' exec git "$@"\n`
  writeFileSync(join(folder, 'git'), script, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  onTestFinished(() => void vi.unstubAllEnvs())
  await using runner = new GitRunner({ repository: { gitDirectory } })
  await using reader = new GitProcessReader(runner, gitDirectory, 1 << 20)
  const absent = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(40, '0'))
  await expect(reader.sizes(absent)).rejects.toThrow(ObjectMissingError)
  // The one that answers, and the one that looks.
  expect(readFileSync(join(folder, 'starts'), 'utf8')).toBe('\n\n')
})
