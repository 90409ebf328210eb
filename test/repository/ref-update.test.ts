import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  DiskFullError,
  FileFailedError,
  InvalidRefError,
  PermissionDeniedError,
  RefLockedError,
  RefMovedError,
} from '../../src/repository/errors.ts'
import { updateRef } from '../../src/repository/ref-update.ts'
import { readRef } from '../../src/repository/refs.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { CrashFileSystem } from '../system/crash-file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { cutPowerAtAnyStep } from './power-cut.ts'
import { bareRepository, fsck, git, gitSucceeds, gitText } from './real-git.ts'

const MAIN = 'refs/heads/main'

/** A bare repository with commits that no ref names yet. */
function repositoryWithCommits(count: number): { repository: string; commits: readonly string[] } {
  const repository = bareRepository()
  const tree = git(repository, ['mktree']).toString().trim()
  const commits = Array.from({ length: count }, (_, index) =>
    gitText(repository, 'commit-tree', tree, '-m', `commit ${index}`),
  )
  return { repository, commits }
}

describe('updating a ref', () => {
  test('creates it, moves it, and git sees that', async () => {
    const { repository, commits } = repositoryWithCommits(2)
    const [one, two] = commits
    await updateRef(nodeFileSystem, repository, MAIN, { expected: undefined, next: one! })
    expect(gitText(repository, 'rev-parse', 'main')).toBe(one)
    await updateRef(nodeFileSystem, repository, MAIN, { expected: one, next: two! })
    expect(gitText(repository, 'for-each-ref')).toBe(`${two} commit\t${MAIN}`)
    expect(existsSync(join(repository, `${MAIN}.lock`))).toBe(false)
    expect(fsck(repository)).toBe('')
  })

  test('makes the folders of its name', async () => {
    const { repository, commits } = repositoryWithCommits(1)
    const ref = 'refs/memoir/snapshots/balances'
    await updateRef(nodeFileSystem, repository, ref, { expected: undefined, next: commits[0]! })
    expect(gitText(repository, 'rev-parse', ref)).toBe(commits[0])
  })

  test('compares with packed refs too', async () => {
    const { repository, commits } = repositoryWithCommits(3)
    const [one, two, three] = commits
    git(repository, ['update-ref', MAIN, one!])
    git(repository, ['pack-refs', '--all'])
    const wrong = updateRef(nodeFileSystem, repository, MAIN, { expected: three, next: two! })
    await expect(wrong).rejects.toMatchObject({ code: 'ref-moved', ref: MAIN, expected: three, actual: one })
    await updateRef(nodeFileSystem, repository, MAIN, { expected: one, next: two! })
    expect(await readRef(nodeFileSystem, repository, MAIN)).toBe(two)
  })

  test('is refused if the ref stands elsewhere, and changes nothing', async () => {
    const { repository, commits } = repositoryWithCommits(2)
    const [one, two] = commits
    git(repository, ['update-ref', MAIN, one!])
    for (const expected of [undefined, two]) {
      const change = updateRef(nodeFileSystem, repository, MAIN, { expected, next: two! })
      await expect(change).rejects.toBeInstanceOf(RefMovedError)
      expect(gitText(repository, 'rev-parse', 'main')).toBe(one)
      expect(existsSync(join(repository, `${MAIN}.lock`))).toBe(false)
    }
    const missing = updateRef(nodeFileSystem, repository, 'refs/heads/new', { expected: one, next: two! })
    await expect(missing).rejects.toMatchObject({ actual: undefined })
  })

  test('refuses a symbolic ref and a forbidden name', async () => {
    const { repository, commits } = repositoryWithCommits(1)
    for (const ref of ['HEAD', 'refs/heads/a.lock', 'config']) {
      const change = updateRef(nodeFileSystem, repository, ref, { expected: undefined, next: commits[0]! })
      await expect(change).rejects.toBeInstanceOf(InvalidRefError)
    }
  })

  test('waits for a lock that is let go', async () => {
    const { repository, commits } = repositoryWithCommits(1)
    const lock = join(repository, `${MAIN}.lock`)
    writeFileSync(lock, '')
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const isOpen = ({ method, path }: { method: string; path: string }) => method === 'open' && path === lock
    const change = updateRef(fileSystem, repository, MAIN, { expected: undefined, next: commits[0]! })
    await expect.poll(() => fileSystem.calls.filter(isOpen).length).toBeGreaterThan(2)
    expect(await readRef(nodeFileSystem, repository, MAIN)).toBeUndefined()
    await nodeFileSystem.remove(lock)
    await change
    expect(gitText(repository, 'rev-parse', 'main')).toBe(commits[0])
  })

  test('gives up on a lock that stays, and leaves it alone', async () => {
    const { repository, commits } = repositoryWithCommits(1)
    const path = join(repository, `${MAIN}.lock`)
    writeFileSync(path, '')
    utimesSync(path, 1000, 1000)
    const error = await updateRef(
      nodeFileSystem,
      repository,
      MAIN,
      { expected: undefined, next: commits[0]! },
      { lockWaitMs: 20, clock: { now: () => 1_090_500 } },
    ).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(RefLockedError)
    expect(error).toMatchObject({ ref: MAIN, path, ageSeconds: 90 })
    expect(existsSync(path)).toBe(true)
  })

  test('and git updating it never both succeed', async () => {
    const { repository, commits } = repositoryWithCommits(201)
    git(repository, ['update-ref', MAIN, commits[0]!])
    let [ours, theirs, headStartMs] = [0, 0, 0]
    for (let round = 0; round < 200; round++) {
      const before = commits[round]!
      const [mine, gits] = [commits[round + 1]!, commits[(round + 100) % 200]!]
      const byGit = gitSucceeds(repository, 'update-ref', MAIN, gits, before)
      // A process takes a while to start: git gets the head start that makes it a close race.
      await setTimeout(headStartMs)
      const us = await updateRef(nodeFileSystem, repository, MAIN, { expected: before, next: mine }).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(RefMovedError)
          return false
        },
      )
      const them = await byGit
      expect([us, them], `round ${round}`).toSatisfy((pair: boolean[]) => pair[0] !== pair[1])
      expect(await readRef(nodeFileSystem, repository, MAIN)).toBe(us ? mine : gits)
      if (us) ours++
      else theirs++
      headStartMs = Math.max(0, headStartMs + (us ? 1 : -1))
      git(repository, ['update-ref', MAIN, mine])
    }
    expect(Math.min(ours, theirs)).toBeGreaterThan(0)
  }, 60_000)

  test('from many sides at once succeeds on one', async () => {
    const { repository, commits } = repositoryWithCommits(10)
    const results = await Promise.allSettled(
      commits.map((next) => updateRef(nodeFileSystem, repository, MAIN, { expected: undefined, next })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('loses nothing while git packs the refs', async () => {
    const { repository, commits } = repositoryWithCommits(60)
    let isDone = false
    const packing = (async () => {
      while (!isDone) await gitSucceeds(repository, 'pack-refs', '--all')
    })()
    let expected: string | undefined
    for (const next of commits) {
      await updateRef(nodeFileSystem, repository, MAIN, { expected, next })
      expect(await readRef(nodeFileSystem, repository, MAIN)).toBe(next)
      expected = next
    }
    isDone = true
    await packing
    expect(gitText(repository, 'rev-parse', 'main')).toBe(expected)
  })

  test('syncs the lock before it becomes the ref, and the folders after', async () => {
    const { repository, commits } = repositoryWithCommits(1)
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    await updateRef(fileSystem, repository, MAIN, { expected: undefined, next: commits[0]! })
    const told = fileSystem.calls
      .filter(({ method }) => ['write', 'sync', 'rename', 'syncDirectory'].includes(method))
      .map(({ method, path }) => `${method} ${path.slice(repository.length + 1)}`)
    expect(told.slice(0, 3)).toEqual([`write ${MAIN}.lock`, `sync ${MAIN}.lock`, `rename ${MAIN}.lock`])
    expect(told.slice(3).sort()).toEqual(['syncDirectory ', 'syncDirectory refs', 'syncDirectory refs/heads'])
  })

  test('leaves the old or the new value after a power cut, and the new one once it is done', async () => {
    const { repository, commits } = repositoryWithCommits(2)
    const [one, two] = commits
    git(repository, ['update-ref', MAIN, one!])
    const fileSystem = await CrashFileSystem.over(repository)
    await updateRef(fileSystem, repository, MAIN, { expected: one, next: two! })
    await cutPowerAtAnyStep(fileSystem, 60, async (left, wasAtEnd) => {
      const value = await readRef(nodeFileSystem, left, MAIN)
      expect(wasAtEnd ? [two] : [one, two]).toContain(value)
    })
  })

  test.each([
    ['ENOSPC', 'write', DiskFullError],
    ['EACCES', 'open', PermissionDeniedError],
    ['EIO', 'sync', FileFailedError],
    ['EIO', 'rename', FileFailedError],
  ] as const)(
    'that meets %s at %s says so, keeps the old value and removes its lock',
    async (code, method, expected) => {
      const { repository, commits } = repositoryWithCommits(2)
      const [one, two] = commits
      git(repository, ['update-ref', MAIN, one!])
      const fileSystem = new FaultyFileSystem(nodeFileSystem)
      fileSystem.fail({ on: (call) => call.method === method, effect: { kind: 'error', code } })
      const change = updateRef(fileSystem, repository, MAIN, { expected: one, next: two! })
      await expect(change).rejects.toBeInstanceOf(expected)
      expect(gitText(repository, 'rev-parse', 'main')).toBe(one)
      expect(existsSync(join(repository, `${MAIN}.lock`))).toBe(false)
    },
  )
})
