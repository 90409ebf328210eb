import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { git, gitText, TemporaryFolder } from '../repository/git-repository.ts'

const EVENT = { type: 'Deposited', data: 1 }

describe.each(['git', 'isomorphic'] as const)('checked-out files, engine %s', (engine) => {
  test('are those of the first commit beside what the user had staged before it', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet'])
    writeFileSync(join(folder.path, 'notes.txt'), 'mine')
    git(folder.path, ['add', 'notes.txt'])
    const log = await open(folder.path, { engine })
    await log.append('a', [EVENT])
    await log.close()
    expect(gitText(folder.path, ['status', '--porcelain'])).toBe('A  notes.txt')
    expect(existsSync(join(folder.path, 'memoir.yaml'))).toBe(true)
  })
})
