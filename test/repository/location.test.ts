import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRepository } from '../../src/repository/creation.ts'
import { NotARepositoryError, UnsupportedRepositoryError } from '../../src/repository/errors.ts'
import { findRepository, findRepositoryUpwards } from '../../src/repository/location.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git, temporaryDirectory } from './real-git.ts'

const find = (path: string) => findRepository(path, nodeFileSystem)

function folderRepository(): string {
  const path = temporaryDirectory()
  git(path, ['init', '--quiet'])
  return path
}

describe('finding a repository', () => {
  test('knows a bare one', async () => {
    const path = bareRepository()
    expect(await find(path)).toEqual({
      path,
      gitDirectory: path,
      workTree: undefined,
      branch: 'refs/heads/main',
    })
  })

  test('knows a folder with a .git, and that .git itself', async () => {
    const path = folderRepository()
    const place = { gitDirectory: join(path, '.git'), workTree: path, branch: 'refs/heads/main' }
    expect(await find(path)).toEqual({ path, ...place })
    expect(await find(join(path, '.git'))).toEqual({ path: join(path, '.git'), ...place })
  })

  test('knows one that somebody was creating, and has finished meanwhile', async () => {
    const path = temporaryDirectory()
    let created: Promise<unknown> | undefined
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async list(folder) {
        created ??= createRepository(path, nodeFileSystem)
        await created
        return nodeFileSystem.list(folder)
      },
    }
    expect(await findRepository(path, fileSystem)).toMatchObject({ gitDirectory: path })
  })

  test('follows a .git file', async () => {
    const [path, separate] = [temporaryDirectory(), join(temporaryDirectory(), 'kept')]
    git(path, ['init', '--quiet', `--separate-git-dir=${separate}`])
    expect(await find(path)).toMatchObject({ path, gitDirectory: separate, workTree: path })
  })

  test('knows a submodule, whose configuration names its folder', async () => {
    const [path, inner] = [folderRepository(), folderRepository()]
    git(inner, ['commit', '--quiet', '--allow-empty', '-m', 'Start'])
    git(path, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'log'])
    const [workTree, gitDirectory] = [join(path, 'log'), join(path, '.git/modules/log')]
    expect(await find(workTree)).toMatchObject({ gitDirectory, workTree })
    symlinkSync(workTree, join(path, 'link'))
    expect(await find(join(path, 'link'))).toMatchObject({ gitDirectory, workTree: join(path, 'link') })
    await expect(find(gitDirectory)).rejects.toBeInstanceOf(UnsupportedRepositoryError)
  })

  test.each(['../files', '../..', '/'])(
    'refuses files that would stand elsewhere, in %s',
    async (elsewhere) => {
      const path = folderRepository()
      mkdirSync(join(path, 'files'))
      git(path, ['config', 'core.worktree', elsewhere])
      const refused = find(path)
      await expect(refused).rejects.toBeInstanceOf(UnsupportedRepositoryError)
      await expect(refused).rejects.toThrow(/core\.worktree/)
    },
  )

  test('refuses a bare repository with files elsewhere', async () => {
    const path = bareRepository()
    git(path, ['config', 'core.worktree', temporaryDirectory()])
    await expect(find(path)).rejects.toBeInstanceOf(UnsupportedRepositoryError)
  })

  test('reads the branch from HEAD', async () => {
    const path = bareRepository()
    git(path, ['symbolic-ref', 'HEAD', 'refs/heads/ledger/2026'])
    expect(await find(path)).toMatchObject({ branch: 'refs/heads/ledger/2026' })
  })

  test('finds nothing at a path that is missing or empty', async () => {
    const path = temporaryDirectory()
    expect(await find(path)).toBeUndefined()
    expect(await find(join(path, 'missing/deep'))).toBeUndefined()
  })

  test('refuses a file, and a folder of other things', async () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'letter.txt'), '')
    await expect(find(path)).rejects.toBeInstanceOf(NotARepositoryError)
    await expect(find(join(path, 'letter.txt'))).rejects.toBeInstanceOf(NotARepositoryError)
  })

  test('refuses a .git file that leads nowhere', async () => {
    const path = temporaryDirectory()
    for (const text of ['gitdir: ../missing\n', 'hello\n']) {
      writeFileSync(join(path, '.git'), text)
      await expect(find(path)).rejects.toBeInstanceOf(NotARepositoryError)
    }
  })

  test('refuses a linked worktree', async () => {
    const path = folderRepository()
    git(path, ['commit', '--quiet', '--allow-empty', '-m', 'one'])
    const linked = join(temporaryDirectory(), 'linked')
    git(path, ['worktree', 'add', '--quiet', linked])
    await expect(find(linked)).rejects.toThrow('a linked worktree')
  })

  test('refuses SHA-256 objects', async () => {
    const path = temporaryDirectory()
    git(path, ['init', '--quiet', '--bare', '--object-format=sha256'])
    const error = await find(path).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(UnsupportedRepositoryError)
    expect(error).toMatchObject({ path, feature: 'the extension objectformat = sha256' })
  })

  test.each([
    ['extensions.refStorage', 'reftable'],
    ['extensions.partialClone', 'origin'],
    ['extensions.somethingNew', 'true'],
    ['core.repositoryFormatVersion', '2'],
  ])('refuses %s = %s', async (key, value) => {
    const path = bareRepository()
    git(path, ['config', key, value])
    await expect(find(path)).rejects.toBeInstanceOf(UnsupportedRepositoryError)
  })

  test('accepts extensions that change nothing for us', async () => {
    const path = bareRepository()
    git(path, ['config', 'core.repositoryFormatVersion', '1'])
    git(path, ['config', 'extensions.objectFormat', 'sha1'])
    git(path, ['config', 'extensions.preciousObjects', 'true'])
    expect(await find(path)).toBeDefined()
  })
})

describe('looking upwards', () => {
  test('finds the nearest repository above a folder', async () => {
    const path = folderRepository()
    const deep = join(path, 'a/b/c')
    mkdirSync(deep, { recursive: true })
    writeFileSync(join(deep, 'letter.txt'), '')
    expect(await findRepositoryUpwards(deep, nodeFileSystem)).toMatchObject({ path, workTree: path })
    expect(await findRepositoryUpwards(join(path, 'missing'), nodeFileSystem)).toMatchObject({ path })
  })

  test('finds the bare repository that it stands in', async () => {
    const path = bareRepository()
    expect(await findRepositoryUpwards(join(path, 'refs/heads'), nodeFileSystem)).toMatchObject({ path })
  })

  test('ends at the root', async () => {
    expect(await findRepositoryUpwards('/', nodeFileSystem)).toBeUndefined()
  })
})
