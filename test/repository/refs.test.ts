import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DetachedHeadError, InvalidRefError, NotARepositoryError } from '../../src/repository/errors.ts'
import { readHead, readRef, validateRef } from '../../src/repository/refs.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git, gitSucceeds, gitText, temporaryDirectory } from './real-git.ts'

const read = (repository: string, ref: string) => readRef(nodeFileSystem, repository, ref)

function commitIn(repository: string, message: string): string {
  const tree = git(repository, ['mktree']).toString().trim()
  return gitText(repository, 'commit-tree', tree, '-m', message)
}

describe('reading a ref', () => {
  test('finds what git wrote, loose and packed', async () => {
    const repository = bareRepository()
    const [one, two] = [commitIn(repository, 'one'), commitIn(repository, 'two')]
    git(repository, ['update-ref', 'refs/heads/main', one])
    git(repository, ['update-ref', 'refs/heads/other/deep', two])
    git(repository, ['tag', '-a', '-m', 'annotated', 'v1', one])
    expect(await read(repository, 'refs/heads/main')).toBe(one)
    git(repository, ['pack-refs', '--all'])
    expect(await read(repository, 'refs/heads/main')).toBe(one)
    expect(await read(repository, 'refs/heads/other/deep')).toBe(two)
    expect(await read(repository, 'refs/tags/v1')).toBe(gitText(repository, 'rev-parse', 'v1'))
    git(repository, ['update-ref', 'refs/heads/main', two])
    expect(await read(repository, 'refs/heads/main')).toBe(two)
  })

  test('finds nothing where there is no ref, or the folder of longer ones', async () => {
    const repository = bareRepository()
    git(repository, ['update-ref', 'refs/heads/a/b', commitIn(repository, 'one')])
    for (const ref of ['refs/heads/main', 'refs/heads/a', 'refs/heads/a/b/c', 'HEAD']) {
      expect(await read(repository, ref)).toBeUndefined()
    }
  })

  test('follows symbolic refs, but not in circles', async () => {
    const repository = bareRepository()
    const commit = commitIn(repository, 'one')
    git(repository, ['update-ref', 'refs/heads/main', commit])
    git(repository, ['symbolic-ref', 'refs/heads/alias', 'refs/heads/main'])
    expect(await read(repository, 'HEAD')).toBe(commit)
    expect(await read(repository, 'refs/heads/alias')).toBe(commit)
    git(repository, ['symbolic-ref', 'refs/heads/main', 'refs/heads/alias'])
    await expect(read(repository, 'refs/heads/alias')).rejects.toThrow('points at itself')
  })

  test.each(['', 'nonsense\n', `${'0'.repeat(39)}\n`, 'ref: ../../secret\n'])(
    'refuses a file that holds %j',
    async (text) => {
      const repository = bareRepository()
      writeFileSync(join(repository, 'refs/heads/main'), text)
      await expect(read(repository, 'refs/heads/main')).rejects.toBeInstanceOf(InvalidRefError)
    },
  )

  test('refuses a name that would leave the repository', async () => {
    await expect(read(bareRepository(), 'refs/../../secret')).rejects.toBeInstanceOf(InvalidRefError)
  })
})

describe('the name of a ref', () => {
  test('is allowed if and only if git allows it', async () => {
    const repository = bareRepository()
    const parts = fc.constantFrom(
      'a',
      'heads',
      '/',
      '.',
      '..',
      '.lock',
      '@{',
      '@',
      '~',
      ' ',
      '\\',
      '*',
      'ü',
      '[',
      '\x7f',
    )
    const names = fc.array(parts, { minLength: 1, maxLength: 5 }).map((list) => `refs/${list.join('')}`)
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        expect(isAllowed(name)).toBe(await gitSucceeds(repository, 'check-ref-format', name))
      }),
      { numRuns: 150 },
    )
  })

  test('must lie below refs/, or be HEAD', () => {
    expect(isAllowed('HEAD')).toBe(true)
    expect(['main', 'heads/main', 'config', '/refs/a', ''].map(isAllowed)).not.toContain(true)
  })

  function isAllowed(name: string): boolean {
    try {
      validateRef(name)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidRefError)
      return false
    }
  }
})

describe('HEAD', () => {
  test('names the branch, with or without commits', async () => {
    const repository = bareRepository()
    expect(await readHead(nodeFileSystem, repository)).toBe('refs/heads/main')
  })

  test('names the branch itself where it points at another name for it', async () => {
    const repository = bareRepository()
    git(repository, ['symbolic-ref', 'refs/heads/master', 'refs/heads/main'])
    git(repository, ['symbolic-ref', 'HEAD', 'refs/heads/master'])
    expect(await readHead(nodeFileSystem, repository)).toBe('refs/heads/main')
    git(repository, ['symbolic-ref', 'refs/heads/main', 'refs/heads/master'])
    await expect(readHead(nodeFileSystem, repository)).rejects.toBeInstanceOf(InvalidRefError)
  })

  test('is refused when it is detached', async () => {
    const repository = bareRepository()
    git(repository, ['update-ref', '--no-deref', 'HEAD', commitIn(repository, 'one')])
    await expect(readHead(nodeFileSystem, repository)).rejects.toBeInstanceOf(DetachedHeadError)
  })

  test('is missed where there is none', async () => {
    await expect(readHead(nodeFileSystem, temporaryDirectory())).rejects.toBeInstanceOf(NotARepositoryError)
  })

  test('may be a symbolic link, as in old repositories', async () => {
    const repository = temporaryDirectory()
    writeFileSync(join(repository, 'link'), 'ref: refs/heads/main\n')
    symlinkSync('link', join(repository, 'HEAD'))
    expect(await readHead(nodeFileSystem, repository)).toBe('refs/heads/main')
  })
})
