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
  test('stay those of another branch while the user is on it, and come along at the return', async () => {
    using folder = new TemporaryFolder()
    git(folder.path, ['init', '--quiet', '--initial-branch=main'])
    const log = await open(folder.path, { engine })
    await log.append('a', [EVENT])
    await log.close()
    const again = await open(folder.path, { engine })
    git(folder.path, ['switch', '--quiet', '--create', 'feature'])
    await again.append('a', [EVENT], { ack: 'committed' })
    await again.close()
    expect(gitText(folder.path, ['status', '--porcelain'])).toBe('')
    git(folder.path, ['switch', '--quiet', 'main'])
    const last = await open(folder.path, { engine })
    await last.append('a', [EVENT])
    await last.close()
    expect(gitText(folder.path, ['status', '--porcelain'])).toBe('')
    expect(gitText(folder.path, ['ls-files', 'events']).split('\n')).toHaveLength(3)
  })
})
