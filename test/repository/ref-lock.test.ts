import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeRefLock, isStale, removeStaleRefLock } from '../../src/repository/ref-lock.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git, gitText, temporaryDirectory } from './real-git.ts'

const MAIN = 'refs/heads/main'

function lockedRepository(ageSeconds: number): { repository: string; path: string } {
  const repository = bareRepository()
  const path = join(repository, `${MAIN}.lock`)
  writeFileSync(path, '')
  makeOld(path, ageSeconds)
  return { repository, path }
}

function makeOld(path: string, ageSeconds: number): void {
  const written = Date.now() / 1000 - ageSeconds
  utimesSync(path, written, written)
}

function startGit(repository: string, ...arguments_: readonly string[]) {
  const child = spawn('git', ['-C', repository, ...arguments_], { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

describe.runIf(process.platform === 'linux')('the lock of a ref', () => {
  test('that is not there is nothing to describe or remove', async () => {
    const repository = bareRepository()
    expect(await describeRefLock(nodeFileSystem, repository, MAIN)).toBeUndefined()
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN)).toBeUndefined()
  })

  test('that nobody owns is described, and removed when it is old', async () => {
    const { repository, path } = lockedRepository(600)
    const lock = await describeRefLock(nodeFileSystem, repository, MAIN)
    expect(lock).toMatchObject({ ref: MAIN, path, owners: [] })
    expect(lock?.ageSeconds).toBeGreaterThanOrEqual(600)
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN)).toMatchObject({ removed: true })
    expect(existsSync(path)).toBe(false)
  })

  test.each([0, -3])('that is %i s old stays', async (ageSeconds) => {
    const { repository, path } = lockedRepository(ageSeconds)
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN)).toMatchObject({ removed: false })
    expect(existsSync(path)).toBe(true)
  })

  test('that a clock dated which was set back since is as old as it lies ahead', async () => {
    const { repository, path } = lockedRepository(-600)
    const start = Date.now()
    let looks = 0
    const clock = { now: () => start + looks++ * 1000 }
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN, clock)).toMatchObject({ removed: true })
    expect(existsSync(path)).toBe(false)
  })

  test('that somebody takes while it is looked at stays, whatever its time', async () => {
    const { repository, path } = lockedRepository(600)
    const clock = {
      now: () => {
        makeOld(path, 300)
        return Date.now()
      },
    }
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN, clock)).toMatchObject({
      removed: false,
    })
    expect(existsSync(path)).toBe(true)
  })

  test('that a process has open stays, and names the process', async () => {
    const { repository, path } = lockedRepository(600)
    const file = await nodeFileSystem.open(path, 'r')
    onTestFinished(() => file.close())
    const result = await removeStaleRefLock(nodeFileSystem, repository, MAIN)
    expect(result?.removed).toBe(false)
    expect(result?.lock.owners?.map(({ pid }) => pid)).toContain(process.pid)
    expect(existsSync(path)).toBe(true)
  })

  test('that a git holds stays while it lives, and is removed after it was killed', async () => {
    const repository = bareRepository()
    const path = join(repository, `${MAIN}.lock`)
    const tree = git(repository, ['mktree']).toString().trim()
    const commit = gitText(repository, 'commit-tree', tree, '-m', 'one')
    const child = startGit(repository, 'update-ref', '--stdin')
    child.stdin.write(`start\ncreate ${MAIN} ${commit}\nprepare\n`)
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk
    })
    // Until then it goes on writing the lock.
    await expect.poll(() => said, { timeout: 10_000 }).toContain('prepare: ok')
    makeOld(path, 600)

    const held = await removeStaleRefLock(nodeFileSystem, repository, MAIN)
    expect(held?.removed).toBe(false)
    expect(held?.lock.owners?.map(({ pid }) => pid)).toEqual([child.pid])

    child.kill('SIGKILL')
    await once(child, 'close')
    expect(existsSync(path)).toBe(true)
    expect(await removeStaleRefLock(nodeFileSystem, repository, MAIN)).toMatchObject({ removed: true })
    expect(existsSync(path)).toBe(false)
  })

  test.each([
    { how: '--git-dir=, from where it is', told: (path: string) => [`--git-dir=${path}`] },
    { how: '--git-dir, from where it is', told: (path: string) => ['--git-dir', path] },
    { how: 'GIT_DIR, from where it is', told: () => [], isInEnvironment: true },
    { how: 'another name of its folder', told: (path: string) => [`--git-dir=${path}`], isLinked: true },
  ])(
    'is owned by a git at work there that was told so by $how',
    async ({ told, isInEnvironment = false, isLinked = false }) => {
      const { repository } = lockedRepository(600)
      const cwd = temporaryDirectory()
      symlinkSync(repository, join(cwd, 'link'))
      const path = isLinked ? join(cwd, 'link') : relative(cwd, repository)
      const child = spawn('git', [...told(path), 'update-ref', '--stdin'], {
        cwd,
        env: { PATH: process.env.PATH, ...(isInEnvironment && { GIT_DIR: path }) },
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      child.stdin.write('start\n')
      await once(child.stdout, 'data')
      const lock = await describeRefLock(nodeFileSystem, repository, MAIN)
      expect(lock?.owners?.map(({ pid }) => pid)).toEqual([child.pid])
    },
  )

  test('is not owned by a git that only reads objects', async () => {
    const { repository } = lockedRepository(600)
    const child = startGit(repository, 'cat-file', '--batch-check')
    child.stdin.write('HEAD\n')
    await once(child.stdout, 'data')
    expect((await describeRefLock(nodeFileSystem, repository, MAIN))?.owners).toEqual([])
  })

  test('is not stale where owners cannot be known', () => {
    const lock = { ref: MAIN, path: '/x', ageSeconds: 1e6 }
    expect(isStale({ ...lock, owners: undefined })).toBe(false)
    expect(isStale({ ...lock, owners: [] })).toBe(true)
  })
})
