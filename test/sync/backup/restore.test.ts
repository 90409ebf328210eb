import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { createRepository } from '../../../src/repository/creation.ts'
import { restore } from '../../../src/restore.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { deposits, makeLog, temporaryFolder, verify } from '../../log/log-fixture.ts'
import { fsck, gitText } from '../../repository/real-git.ts'
import { appendAndBackUp, backUp, bundlesIn, storedLines } from './backup-fixture.ts'

const MAIN = join(import.meta.dirname, '../../../dist/cli/main.js')

describe('a restore', () => {
  it('that was killed is in no way of the next one, and leaves nothing once that is done', async () => {
    const path = await makeLog(deposits(40))
    const directory = temporaryFolder()
    await backUp(path, directory)
    const parent = temporaryFolder()
    const target = join(parent, 'restored.git')
    const child = spawn(process.execPath, [MAIN, 'restore', directory, target], { stdio: 'ignore' })
    const hasBegun = () =>
      readdirSync(parent).some((name) => existsSync(join(parent, name, 'restored.git/HEAD')))
    await expect.poll(hasBegun, { interval: 1, timeout: 20_000 }).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(target)).toBe(false)
    expect(await restore(directory, target)).toMatchObject({ path: target, position: 40 })
    expect(readdirSync(parent)).toEqual(['restored.git'])
    expect(fsck(target)).toBe('')
  })

  it('into a folder where one was killed says so, and what to do', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(1)), directory)
    const target = temporaryFolder()
    await createRepository(target, nodeFileSystem)
    await expect(restore(directory, target)).rejects.toMatchObject({
      code: 'not-a-repository',
      message: expect.stringContaining('a restore or a clone leaves that was killed'),
      hint: expect.stringContaining('empty the folder or remove it'),
    })
    for (const name of readdirSync(target)) rmSync(join(target, name), { recursive: true })
    expect(await restore(directory, target)).toMatchObject({ path: target, position: 1 })
  })

  it('into an empty folder is made by one of those who begin at once, and the others leave it alone', async () => {
    const directory = temporaryFolder()
    await backUp(await makeLog(deposits(40)), directory)
    const target = temporaryFolder()
    const restores = [1, 2, 3].map(() => restore(directory, target))
    const ended = await Promise.allSettled(restores)
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const one of ended)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'not-a-repository' })
    expect(fsck(target)).toBe('')
    expect(storedLines(target).split('\n')).toHaveLength(41)
  })

  it('takes a backup that was being written while history was replaced', async () => {
    const directory = temporaryFolder()
    const path = join(temporaryFolder(), 'log.git')
    let meanwhile: (() => Promise<unknown>) | undefined
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async open(file, flags, mode) {
        if (file.endsWith('.tmp')) await meanwhile?.()
        return nodeFileSystem.open(file, flags, mode)
      },
    }
    let ms = Date.UTC(2026, 10, 1)
    const clock = { now: () => (ms += 1000) }
    await using log = await open(path, { ports: { fileSystem, clock } })
    const append = (type: string) => log.append('account-1', [{ type }], { ack: 'committed' })
    const { commit } = await append('Opened')
    await append('Deposited')
    meanwhile = async () => {
      meanwhile = undefined
      gitText(path, 'update-ref', 'refs/heads/main', commit!)
      await append('Withdrawn')
    }
    const backedUp = await log.backup(directory)
    expect(backedUp.commit).not.toBe(gitText(path, 'rev-parse', 'main'))
    const target = join(temporaryFolder(), 'restored.git')
    expect(await restore(directory, target)).toMatchObject({ position: 2, commit: backedUp.commit })
    expect(storedLines(target)).toContain('Deposited')
  })

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
