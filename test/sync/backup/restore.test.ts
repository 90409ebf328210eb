import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { restore, standby } from '../../../src/restore.ts'
import { until } from '../../log/event-log-fixture.ts'
import { deposits, makeLog, temporaryFolder, verify } from '../../log/log-fixture.ts'
import { bareRepository, fsck, gitText } from '../../repository/real-git.ts'
import { appendAndBackUp, backUp, bundlesIn, storedLines } from './backup-fixture.ts'

describe('a restore', () => {
  it('brings back every commit and every byte, from few bundles', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    await using log = await open(path)
    await appendAndBackUp(log, directory, 12)
    const target = join(temporaryFolder(), 'a new folder', 'restored.git')
    const result = await restore(directory, target)
    expect(result).toMatchObject({
      path: target,
      log: log.status().id,
      name: 'log',
      branch: 'refs/heads/main',
      commit: gitText(path, 'rev-parse', 'main'),
      position: 12,
      latest: 12,
      bundles: bundlesIn(directory),
    })
    expect(gitText(target, 'log', '--format=%H')).toBe(gitText(path, 'log', '--format=%H'))
    expect(storedLines(target)).toBe(storedLines(path))
    expect(fsck(target)).toBe('')
    expect(await verify(target)).toMatchObject({ isSound: true, findings: [] })
    await using restored = await open(target)
    expect(await restored.append('account-0', [{ type: 'MoneyDeposited' }])).toMatchObject({ position: 13 })
  })

  it('stands at the last commit at or before a position, for each position', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    // Commits of one, two, three … events, some folded meanwhile, backed up after every other one.
    const ends = [0]
    {
      await using log = await open(path)
      for (let size = 1; size <= 5; size++) {
        const events = Array.from({ length: size }, () => ({ type: 'MoneyDeposited' }))
        const { position } = await log.append('account-1', events, { ack: 'committed' })
        ends.push(position)
        if (size === 3) await log.fold()
        if (size % 2 === 1) await log.backup(directory)
      }
    }
    const last = ends.at(-1)!
    for (let position = 0; position <= last; position++) {
      const target = join(temporaryFolder(), 'restored.git')
      const expected = ends.findLast((end) => end <= position)!
      expect(await restore(directory, target, { at: position })).toMatchObject({
        position: expected,
        latest: last,
      })
      expect(storedLines(target)).toBe(
        storedLines(path)
          .split('\n')
          .slice(0, expected)
          .map((line) => `${line}\n`)
          .join(''),
      )
      await using restored = await open(target, { readOnly: true, watch: false })
      expect(restored.status().events).toBe(expected)
    }
    const beyond = restore(directory, join(temporaryFolder(), 'x.git'), { at: last + 1 })
    await expect(beyond).rejects.toMatchObject({ code: 'event-not-found', position: last + 1, last })
  })

  it('reads no bundle after the point that is asked for', async () => {
    const path = await makeLog(deposits(8))
    const directory = temporaryFolder()
    await backUp(path, directory)
    await makeLog(deposits(2), { path })
    await backUp(path, directory)
    const result = await restore(directory, join(temporaryFolder(), 'r.git'), { at: 7 })
    expect(result).toMatchObject({ position: 7, bundles: ['000000000000-000000000008.bundle'] })
  })

  it('stands at a commit that is named, a fold among them', async () => {
    const path = await makeLog(deposits(3))
    const directory = temporaryFolder()
    {
      await using log = await open(path)
      await log.fold()
      await log.append('account-1', [{ type: 'MoneyDeposited' }], { ack: 'committed' })
      await log.backup(directory)
    }
    for (const commit of gitText(path, 'log', '--format=%H').split('\n')) {
      const result = await restore(directory, join(temporaryFolder(), 'r.git'), { at: commit })
      expect(result.commit).toBe(commit)
    }
    const foreign = gitText(await makeLog([]), 'rev-parse', 'main')
    for (const at of [foreign, gitText(path, 'rev-parse', 'main^{tree}')]) {
      const refused = restore(directory, join(temporaryFolder(), 'r.git'), { at })
      await expect(refused).rejects.toMatchObject({ code: 'commit-not-found', commit: at })
    }
  })

  it('stands at what the log knew at a date', async () => {
    const path = join(temporaryFolder(), 'log.git')
    const directory = temporaryFolder()
    {
      await using log = await open(path)
      for (const day of ['01', '02', '03', '04']) {
        const time = `2026-11-${day}T12:00:00Z`
        await log.append('account-1', [{ type: 'MoneyDeposited', time }], { ack: 'committed' })
        await log.backup(directory)
      }
    }
    const at = async (date: string | Date) =>
      (await restore(directory, join(temporaryFolder(), 'r.git'), { at: date })).position
    expect(await at('2026-10-31')).toBe(0)
    expect(await at('2026-11-02')).toBe(1)
    expect(await at('2026-11-02T12:00Z')).toBe(2)
    expect(await at(new Date('2026-11-04T11:59:59Z'))).toBe(3)
    expect(await at('2027-01-01')).toBe(4)
    await expect(at('soon')).rejects.toMatchObject({ code: 'usage' })
  })

  it.each(['jsonl', 'yaml'] as const)('of a log in %s gives its files back as they are', async (codec) => {
    const path = await makeLog(deposits(5), { codec })
    const directory = temporaryFolder()
    await backUp(path, directory)
    const target = join(temporaryFolder(), 'r.git')
    await restore(directory, target)
    expect(gitText(target, 'ls-tree', '-r', 'main')).toBe(gitText(path, 'ls-tree', '-r', 'main'))
    await using log = await open(target)
    expect(log.status()).toMatchObject({ codec, events: 5 })
  })

  it('of a log without events gives a log without events', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog([]), directory)
    const target = join(temporaryFolder(), 'r.git')
    expect(await restore(directory, target, { at: 0 })).toMatchObject({ position: 0 })
    await using log = await open(target)
    expect(log.status().events).toBe(0)
  })

  it('that is only tried says the same and leaves nothing', async () => {
    const path = await makeLog(deposits(5))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const folder = temporaryFolder()
    const target = join(folder, 'r.git')
    const tried = await restore(directory, target, { dryRun: true })
    expect(readdirSync(folder)).toEqual([])
    expect(await restore(directory, target)).toEqual(tried)
    await expect(restore(directory, target, { dryRun: true })).rejects.toMatchObject({
      code: 'not-a-repository',
    })
  })

  it('goes into an empty folder, and into no other', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(1)), directory)
    const target = temporaryFolder()
    writeFileSync(join(target, 'thesis.txt'), 'x')
    await expect(restore(directory, target)).rejects.toMatchObject({ code: 'not-a-repository' })
    expect(readdirSync(target)).toEqual(['thesis.txt'])
    const empty = temporaryFolder()
    expect(await restore(directory, empty)).toMatchObject({ position: 1 })
  })

  it('from a folder without a backup says so, and leaves nothing', async () => {
    const target = join(temporaryFolder(), 'r.git')
    for (const directory of [temporaryFolder(), join(temporaryFolder(), 'not there')]) {
      await expect(restore(directory, target)).rejects.toMatchObject({ code: 'backup-missing', directory })
    }
    expect(existsSync(target)).toBe(false)
  })

  it('that is aborted leaves nothing', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(300)), directory)
    const folder = temporaryFolder()
    const controller = new AbortController()
    const onTransfer = () => controller.abort(new Error('enough'))
    const aborted = restore(directory, join(folder, 'r.git'), { signal: controller.signal, onTransfer })
    await expect(aborted).rejects.toThrow('enough')
    expect(readdirSync(folder)).toEqual([])
  }, 120_000)
})

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

  it('waits while the backup is not to be had, and tells why', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const target = join(temporaryFolder(), 'standby.git')
    await restore(directory, target)
    const empty = temporaryFolder()
    const controller = new AbortController()
    const problems: Error[] = []
    await standby(empty, target, {
      signal: controller.signal,
      pollMs: 5,
      onProblem: (error) => {
        problems.push(error)
        controller.abort()
      },
    })
    expect(problems[0]).toMatchObject({ code: 'backup-missing' })
  })

  it('refuses to go on with the backup of another log, and stays as it is', async () => {
    const directory = temporaryFolder()
    const target = await makeLog(deposits(2))
    await backUp(await makeLog(deposits(5)), directory)
    const before = gitText(target, 'rev-parse', 'main')
    const controller = new AbortController()
    const problems: Error[] = []
    await standby(directory, target, {
      signal: controller.signal,
      pollMs: 5,
      onProblem: (error) => {
        problems.push(error)
        controller.abort()
      },
    })
    expect(problems[0]).toMatchObject({ code: 'backup-foreign' })
    expect(gitText(target, 'rev-parse', 'main')).toBe(before)
  })

  it('tells at once that somebody appended to it, not only when the backup reaches further', async () => {
    const path = await makeLog(deposits(2))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const target = join(temporaryFolder(), 'standby.git')
    await restore(directory, target)
    await makeLog(deposits(5), { path: target })
    await makeLog(deposits(1), { path })
    await backUp(path, directory)
    const controller = new AbortController()
    const problems: Error[] = []
    await standby(directory, target, {
      signal: controller.signal,
      pollMs: 5,
      onProblem: (error) => {
        problems.push(error)
        controller.abort()
      },
    })
    expect(problems).toMatchObject([{ code: 'backup-foreign' }])
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
