import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { checkTracked } from '../../scripts/check-tracked.ts'
import { git, temporaryDirectory } from '../repository/real-git.ts'

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

it('the project tracks nothing by accident', () => {
  expect(checkTracked(PROJECT)).toEqual([])
})

it('a log or what was built is found, once for each folder, when it is tracked', () => {
  const path = temporaryDirectory()
  git(path, ['init', '--quiet'])
  cpSync(join(PROJECT, 'package.json'), join(path, 'package.json'))
  for (const folder of ['src', 'log.git', 'dist']) {
    mkdirSync(join(path, folder))
    writeFileSync(join(path, folder, 'one.js'), '')
    writeFileSync(join(path, folder, 'two.js'), '')
  }
  expect(checkTracked(path)).toEqual([])
  git(path, ['add', '.'])
  expect(checkTracked(path)).toEqual([
    'dist is tracked: take it out of git, or name it in scripts/check-tracked.ts',
    'log.git is tracked: take it out of git, or name it in scripts/check-tracked.ts',
  ])
})

it('outside of a repository nothing is tracked', () => {
  expect(checkTracked(temporaryDirectory())).toEqual([])
})
