import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { MemoirError } from '../../../src/event/errors.ts'
import { clone, open } from '../../../src/memoir.ts'
import { restore, standby } from '../../../src/restore.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { until } from '../../log/event-log-fixture.ts'
import { deposits, makeLog, temporaryFolder } from '../../log/log-fixture.ts'
import { bareRepository, fsck, git, gitText } from '../../repository/real-git.ts'
import { appendAndBackUp, backUp, bundlesIn, storedLines } from './backup-fixture.ts'

describe('a standby', () => {
  it('takes in what the backup gets, merged or not, and goes on where it stood', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    const target = join(temporaryFolder(), 'standby.git')
    await using log = await open(path)
    await appendAndBackUp(log, directory, 3)

    const follow = async (upTo: number) => {
      const controller = new AbortController()
      const steps: number[] = []
      const problems: string[] = []
      const ended = standby(directory, target, {
        signal: controller.signal,
        pollMs: 5,
        onRestored: ({ position }) => steps.push(position),
        onStep: ({ to }) => {
          steps.push(to)
          if (to === upTo) controller.abort()
        },
        onProblem: ({ message }) => problems.push(message),
      })
      return { ended, steps, problems }
    }
    const first = await follow(9)
    await appendAndBackUp(log, directory, 6)
    await first.ended
    expect([first.steps[0], first.steps.at(-1), first.problems]).toEqual([3, 9, []])

    await appendAndBackUp(log, directory, 4)
    const second = await follow(13)
    await second.ended
    expect(second.steps.at(-1)).toBe(13)
    expect(gitText(target, 'rev-parse', 'main')).toBe(gitText(path, 'rev-parse', 'main'))
    expect(storedLines(target)).toBe(storedLines(path))
    expect(fsck(target)).toBe('')
  })

  it('takes its checked-out files along', async () => {
    const path = await makeLog(deposits(1))
    const directory = temporaryFolder()
    const target = join(temporaryFolder(), 'standby')
    await (await clone(path, target, { workTree: true })).close()
    await makeLog(deposits(1), { path })
    await backUp(path, directory)
    const controller = new AbortController()
    const { signal } = controller
    await standby(directory, target, { signal, pollMs: 5, onStep: () => controller.abort() })
    expect(gitText(target, 'rev-parse', 'main')).toBe(gitText(path, 'rev-parse', 'main'))
    expect(gitText(target, 'status', '--porcelain')).toBe('')
  })

  it('waits while the backup is not to be had, and tells why', async () => {
    const { target } = await restoredBackup()
    const empty = temporaryFolder()
    expect(await firstProblem(empty, target)).toMatchObject({ code: 'backup-missing' })
  })

  it('refuses to go on with the backup of another log, and stays as it is', async () => {
    const directory = temporaryFolder()
    const target = await makeLog(deposits(2))
    await backUp(await makeLog(deposits(5)), directory)
    const before = gitText(target, 'rev-parse', 'main')
    expect(await firstProblem(directory, target)).toMatchObject({ code: 'backup-foreign' })
    expect(gitText(target, 'rev-parse', 'main')).toBe(before)
  })

  it('tells at once that somebody appended to it, not only when the backup reaches further', async () => {
    const { path, directory, target } = await restoredBackup()
    await makeLog(deposits(5), { path: target })
    await makeLog(deposits(1), { path })
    await backUp(path, directory)
    expect(await firstProblem(directory, target)).toMatchObject({ code: 'backup-foreign' })
  })

  it('unpacks what it refuses once, though it looks again and again', async () => {
    const { path, directory, target } = await restoredBackup()
    await makeLog(deposits(1), { path: target })
    await makeLog(deposits(5), { path })
    await backUp(path, directory)
    const opened: string[] = []
    const open: typeof nodeFileSystem.open = (file, ...how) => {
      if (file.endsWith('.bundle')) opened.push(file)
      return nodeFileSystem.open(file, ...how)
    }
    const controller = new AbortController()
    const { signal } = controller
    const codes: string[] = []
    await standby(directory, target, {
      signal,
      pollMs: 1,
      ports: { fileSystem: { ...nodeFileSystem, open } },
      onProblem: (error) => {
        codes.push((error as MemoirError).code)
        if (codes.length === 5) controller.abort()
      },
    })
    expect(codes).toEqual(Array(5).fill('backup-foreign'))
    // To be hashed, and to be unpacked.
    expect(opened).toHaveLength(2)
  })

  it('removes what an unpacking left that broke off before, as on a full disk', async () => {
    const { path, directory, target } = await restoredBackup()
    await makeLog(deposits(5), { path })
    await backUp(path, directory)
    const [bundle] = bundlesIn(directory)
    const pack = readFileSync(join(directory, bundle!))
    const half = pack.subarray(pack.indexOf('PACK'), pack.length - 40)
    expect(() => git(target, ['index-pack', '--stdin'], { input: half })).toThrow()
    const left = leftIn(target)
    expect(left).toHaveLength(1)
    utimesSync(left[0]!, 0, 0)
    const controller = new AbortController()
    const { signal } = controller
    await standby(directory, target, { signal, pollMs: 5, onStep: () => controller.abort() })
    expect(leftIn(target)).toEqual([])
  })

  it('restores the log even if nobody wants to hear of it', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const target = join(temporaryFolder(), 'standby.git')
    const problems: Error[] = []
    const controller = new AbortController()
    const { signal } = controller
    const ended = standby(directory, target, {
      signal,
      pollMs: 5,
      onProblem: (error) => problems.push(error),
    })
    await until(() => existsSync(join(target, 'memoir')))
    controller.abort()
    await ended
    expect(problems).toEqual([])
    expect(gitText(target, 'rev-parse', 'main')).toBe(gitText(path, 'rev-parse', 'main'))
  })

  it('begins no log of its own where a restore was cut short', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(2)), directory)
    const target = bareRepository()
    const refused = standby(directory, target, { signal: AbortSignal.timeout(5000), pollMs: 5 })
    await expect(refused).rejects.toMatchObject({ code: 'not-a-repository', path: target })
    expect(gitText(target, 'for-each-ref')).toBe('')
  })
})

/** A log of two events, its backup, and what was restored from that. */
async function restoredBackup() {
  const path = await makeLog(deposits(2))
  const directory = temporaryFolder()
  await backUp(path, directory)
  const target = join(temporaryFolder(), 'standby.git')
  await restore(directory, target)
  return { path, directory, target }
}

function leftIn(target: string): string[] {
  const folder = join(target, 'objects/pack')
  const names = readdirSync(folder).filter((name) => name.startsWith('tmp_'))
  return names.map((name) => join(folder, name))
}

/** Lets a standby follow until it tells of a problem. */
async function firstProblem(directory: string, target: string): Promise<Error | undefined> {
  const controller = new AbortController()
  let problem: Error | undefined
  await standby(directory, target, {
    signal: controller.signal,
    pollMs: 5,
    onProblem: (error) => {
      problem ??= error
      controller.abort()
    },
  })
  return problem
}
