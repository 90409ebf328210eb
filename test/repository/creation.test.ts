import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRepository } from '../../src/repository/creation.ts'
import {
  DiskFullError,
  InvalidRefError,
  NotARepositoryError,
  PermissionDeniedError,
} from '../../src/repository/errors.ts'
import { findRepository } from '../../src/repository/location.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { cutPowerAtAnyStep } from './power-cut.ts'
import { fsck, git, gitText, temporaryDirectory } from './real-git.ts'

describe('creating a repository', () => {
  test('makes one that git accepts as bare and whole', async () => {
    const path = join(temporaryDirectory(), 'a/b/log.git')
    const repository = await createRepository(path, nodeFileSystem)
    expect(repository).toEqual({
      path,
      gitDirectory: path,
      workTree: undefined,
      branch: 'refs/heads/main',
    })
    expect(gitText(path, 'rev-parse', '--is-bare-repository', '--git-dir')).toBe('true\n.')
    expect(gitText(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(fsck(path)).not.toContain('error')
    expect(gitText(path, 'for-each-ref')).toBe('')
    expect(await findRepository(path, nodeFileSystem)).toEqual(repository)
  })

  test('writes the config that git init writes, without git’s collection and deltas of full batches', async () => {
    const [ours, theirs] = [join(temporaryDirectory(), 'ours'), temporaryDirectory()]
    await createRepository(ours, nodeFileSystem)
    git(theirs, ['init', '--quiet', '--bare'])
    expect(readFileSync(join(ours, 'config'), 'utf8')).toBe(
      `${readFileSync(join(theirs, 'config'), 'utf8')}[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[core]\n\tbigFileThreshold = 524288\n`,
    )
  })

  test('takes the name of a branch, if git allows it', async () => {
    const path = temporaryDirectory()
    await expect(createRepository(path, nodeFileSystem, { branch: 'a..b' })).rejects.toBeInstanceOf(
      InvalidRefError,
    )
    await createRepository(path, nodeFileSystem, { branch: 'ledger' })
    expect(gitText(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/ledger')
  })

  test('refuses a folder with something in it', async () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'letter.txt'), '')
    await expect(createRepository(path, nodeFileSystem)).rejects.toBeInstanceOf(NotARepositoryError)
    await createRepository(join(path, 'log.git'), nodeFileSystem)
    await expect(createRepository(join(path, 'log.git'), nodeFileSystem)).rejects.toBeInstanceOf(
      NotARepositoryError,
    )
  })

  test.each(['config', 'info/attributes', 'objects/sword.obj', 'refs/heads/main', 'objects'])(
    'takes a folder that holds somebody’s %s for no unfinished creation',
    async (name) => {
      const path = temporaryDirectory()
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), 'Host example.org')
      await expect(findRepository(path, nodeFileSystem)).rejects.toBeInstanceOf(NotARepositoryError)
      await expect(createRepository(path, nodeFileSystem)).rejects.toBeInstanceOf(NotARepositoryError)
      expect(readFileSync(join(path, name), 'utf8')).toBe('Host example.org')
    },
  )

  test('names the path that it may not write', async () => {
    for (const code of ['EACCES', 'EROFS']) {
      const fileSystem = new FaultyFileSystem(nodeFileSystem)
      fileSystem.fail({ on: ({ method }) => method === 'makeDirectory', effect: { kind: 'error', code } })
      const path = join(temporaryDirectory(), 'log.git')
      const error = await createRepository(path, fileSystem).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(PermissionDeniedError)
      expect(error).toMatchObject({ code: 'permission-denied', path })
    }
  })

  test('can be done again after it failed half way', async () => {
    const path = join(temporaryDirectory(), 'log.git')
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({
      on: ({ method }) => method === 'sync',
      nth: 2,
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    await expect(createRepository(path, fileSystem)).rejects.toBeInstanceOf(DiskFullError)
    expect(existsSync(join(path, 'HEAD'))).toBe(false)
    expect(await findRepository(path, nodeFileSystem)).toBeUndefined()
    await createRepository(path, nodeFileSystem)
    expect(fsck(path)).not.toContain('error')
  })

  test('leaves a whole repository or none after a power cut at any step', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'top'))
    const fileSystem = await CrashFileSystem.over(root)
    await createRepository(join(root, 'top/deep/log.git'), fileSystem)
    await cutPowerAtAnyStep(fileSystem, 60, async (left, wasAtEnd) => {
      const path = join(left, 'top/deep/log.git')
      const found = await findRepository(path, nodeFileSystem)
      if (found === undefined) {
        expect(wasAtEnd).toBe(false)
        await createRepository(path, nodeFileSystem)
      }
      expect(gitText(path, 'rev-parse', '--is-bare-repository')).toBe('true')
      expect(existsSync(join(path, 'objects/pack')) && existsSync(join(path, 'refs/heads'))).toBe(true)
    })
  })
})
