import { cpSync, existsSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { JournalFailedError, JournalFullError } from '../../src/journal/errors.ts'
import type { AckLevel } from '../../src/log/appender.ts'
import { makeOwnDirectory } from '../../src/log/log-repository.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { forgetLocks } from '../crash/observation.ts'
import { CrashFileSystem, randomSurvivors } from '../system/crash-file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import {
  appendEach,
  event,
  fsck,
  git,
  gitText,
  IdListener,
  numbers,
  openLog,
  readAll,
  SEAL_BY_HAND,
  temporaryFolder,
} from './event-log-fixture.ts'

const toJournal = ({ method, path }: Call) => method === 'write' && path.includes('/journal/')

test('refuses all that waits when the journal is full, reads on, and gives the positions out again', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  const opened = await openLog(folder, { fileSystem })
  await appendEach(opened, 's', 2)
  fileSystem.fail({ on: toJournal, effect: { kind: 'error', code: 'ENOSPC' } })
  const appends = [3, 4, 5].map((number) =>
    opened.log.append(
      [{ stream: `new-${number}`, events: [event(number, { id: `given-${number}`, tags: ['t'] })] }],
      undefined,
      'journaled',
    ),
  )
  for (const { status, ...outcome } of await Promise.allSettled(appends)) {
    expect(status).toBe('rejected')
    expect(outcome).toHaveProperty('reason.code', new JournalFullError('', undefined).code)
  }
  expect(await numbers(opened)).toEqual([1, 2])
  expect(opened.log.streams().map(({ stream }) => stream)).toEqual(['s'])
  const again = await opened.log.append(
    [{ stream: 'new-3', events: [event(3, { id: 'given-3' })], expectedVersion: 'no-stream' }],
    { query: { tags: ['t'] } },
    'committed',
  )
  expect(again.position).toBe(3)
  await opened.close()
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3])
})

test('takes no more appends once the disk has failed, and has what was acknowledged when opened again', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  const opened = await openLog(folder, { fileSystem })
  await appendEach(opened, 's', 2)
  fileSystem.fail({ on: toJournal, effect: { kind: 'error', code: 'EIO' } })
  const append = (number: number) =>
    opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'journaled')
  await expect(append(3)).rejects.toThrow(JournalFailedError)
  await expect(append(4)).rejects.toThrow(JournalFailedError)
  expect(await numbers(opened)).toEqual([1, 2])
  await opened.close()
  expect((await numbers(await openLog(folder))).slice(0, 2)).toEqual([1, 2])
})

test('refuses an append that its listener cannot take, and all after it, and can be closed', async () => {
  const listener = new IdListener()
  const folder = temporaryFolder()
  const opened = await openLog(folder, { prepare: async () => ({ listener, index: undefined }) })
  await appendEach(opened, 's', 2)
  const problem = new Error('the listener cannot take it')
  listener.onRun = () => {
    throw problem
  }
  const append = (number: number) =>
    opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'journaled')
  const outcomes = await Promise.allSettled([append(3), append(4)])
  const error = { code: 'not-shown', position: 3, cause: problem }
  expect(outcomes).toMatchObject([3, 4].map(() => ({ status: 'rejected', reason: error })))
  await expect(append(5)).rejects.toMatchObject(error)
  expect(await numbers(opened)).toEqual([1, 2])
  await opened.close()
  // As where the disk fails, it is not known to be stored, and it is.
  expect((await numbers(await openLog(folder))).slice(0, 3)).toEqual([1, 2, 3])
})

/** Copies the repository, as a crash would leave it, when a call of the file system has been made. */
async function copyAfter(isMoment: (call: Call) => boolean): Promise<string> {
  const folder = `${temporaryFolder()}/log.git`
  const copy = `${temporaryFolder()}/copy.git`
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(folder, { fileSystem })
  await appendEach(opened, 's', 3)
  let isCopied = false
  fileSystem.fail({
    on: (call) => {
      if (!isCopied && isMoment(call)) {
        isCopied = true
        cpSync(folder, copy, { recursive: true })
      }
      return false
    },
    effect: { kind: 'skip' },
  })
  await opened.close()
  expect(isCopied).toBe(true)
  // The lock that was copied belongs to this process, which is still alive.
  for (const name of (await nodeFileSystem.list(`${copy}/memoir`)).filter((one) => one.endsWith('.lock'))) {
    await nodeFileSystem.remove(`${copy}/memoir/${name}`)
  }
  return copy
}

test.each([
  [
    'before the objects are written',
    ({ method, path }: Call) => method === 'open' && path.includes('tmp_obj'),
    1,
  ],
  [
    'between the objects and the branch',
    ({ method, path }: Call) => method === 'open' && path.endsWith('.lock') && path.includes('/refs/'),
    1,
  ],
  [
    'after the branch, before the journal lets go',
    ({ method, path }: Call) => method === 'remove' && path.endsWith('.journal'),
    2,
  ],
])('has every event once after a crash %s', async (_, isMoment, commits) => {
  const copy = await copyAfter(isMoment)
  expect(gitText(copy, 'rev-list', '--count', 'HEAD')).toBe(String(commits))
  const opened = await openLog(copy)
  expect(await numbers(opened)).toEqual([1, 2, 3])
  await appendEach(opened, 's', 1, 4)
  await opened.close()
  expect(gitText(copy, 'rev-list', '--count', 'HEAD')).toBe(commits === 1 ? '2' : '3')
  expect(await numbers(await openLog(copy))).toEqual([1, 2, 3, 4])
  expect(fsck(copy)).toBe('')
})

test('has what was acknowledged as durable, and whole appends only, wherever the power is cut', async () => {
  const root = temporaryFolder()
  const fileSystem = await CrashFileSystem.over(root)
  const opened = await openLog(`${root}/log.git`, { fileSystem, seal: { ...SEAL_BY_HAND, maxBytes: 1500 } })
  const acknowledged: { steps: number; events: number }[] = []
  for (let number = 1; number <= 24; number += 2) {
    const streams = [
      { stream: 'a', events: [event(number)] },
      { stream: 'b', events: [event(number + 1)] },
    ]
    await opened.log.append(streams, undefined, number % 10 === 1 ? 'committed' : 'journaled')
    acknowledged.push({ steps: fileSystem.steps, events: number + 1 })
  }
  await opened.close()
  const start = acknowledged[0]!.steps
  for (let cut = 0; cut < 14; cut++) {
    const at = start + Math.floor(((fileSystem.steps - start) * cut) / 13)
    const target = temporaryFolder()
    await fileSystem.crash({ at, survives: randomSurvivors(cut, cut % 3 === 0 ? 0 : 0.5), target })
    const safe = acknowledged.findLast(({ steps }) => steps <= at)?.events ?? 0
    const crashed = `${target}/log.git`
    // The machine has been started anew: no process of before holds the lock.
    for (const name of (await nodeFileSystem.list(`${crashed}/memoir`)).filter((one) =>
      one.endsWith('.lock'),
    )) {
      await nodeFileSystem.remove(`${crashed}/memoir/${name}`)
    }
    const recovered = await openLog(crashed)
    const found = await numbers(recovered)
    expect(found).toEqual(Array.from({ length: found.length }, (_, index) => index + 1))
    expect(found.length).toBeGreaterThanOrEqual(safe)
    expect(found.length % 2).toBe(0)
    await recovered.close()
    expect(fsck(crashed)).toBe('')
  }
})

test('the folder of the journal is on the disk as soon as it is made', async () => {
  const root = temporaryFolder()
  await (await openLog(`${root}/log.git`)).close()
  rmSync(`${root}/log.git/memoir`, { recursive: true })
  const fileSystem = await CrashFileSystem.over(root)
  const repository = { path: `${root}/log.git`, gitDirectory: `${root}/log.git`, branch: 'refs/heads/main' }
  await makeOwnDirectory({ ...repository, workTree: undefined }, fileSystem)
  const target = temporaryFolder()
  await fileSystem.crash({ survives: () => false, target })
  expect(existsSync(`${target}/log.git/memoir`)).toBe(true)
})

test('a power cut does not lose the folder of the journal, which a clone does not have yet', async () => {
  const root = temporaryFolder()
  const made = await openLog(`${root}/log.git`)
  await appendEach(made, 's', 1)
  await made.close()
  rmSync(`${root}/log.git/memoir`, { recursive: true })
  const fileSystem = await CrashFileSystem.over(root)
  const opened = await openLog(`${root}/log.git`, { fileSystem })
  await appendEach(opened, 's', 1, 2)
  const target = temporaryFolder()
  await fileSystem.crash({ survives: () => false, target })
  await rm(`${target}/log.git/memoir/writer.000000000001.lock`, { force: true })
  expect(await numbers(await openLog(`${target}/log.git`))).toEqual([1, 2])
})

test.each(['at once', 'after the first'])(
  'an append that was only written, and is made again to be safe %s, survives a power cut',
  async (when) => {
    const root = temporaryFolder()
    await (await openLog(`${root}/log.git`)).close()
    const fileSystem = await CrashFileSystem.over(root)
    const { log } = await openLog(`${root}/log.git`, { fileSystem })
    const append = (ack: AckLevel) =>
      log.append([{ stream: 's', events: [event(1, { id: 'the id' })] }], undefined, ack)
    const first = append('written')
    if (when === 'after the first') await first
    expect(await append('journaled')).toMatchObject({ position: 1 })
    const target = temporaryFolder()
    await fileSystem.crash({ survives: () => false, target })
    forgetLocks(`${target}/log.git`)
    expect(await numbers(await openLog(`${target}/log.git`))).toEqual([1])
  },
)

test.each([
  ['no room to secure what was only written', 'write', 'ENOSPC', 'journal-full'],
  ['no right to read a segment', 'readFile', 'EACCES', 'permission-denied'],
  ['a bad sector', 'readFile', 'EIO', 'file-failed'],
])('says in words of its own that the journal cannot be taken up: %s', async (_, method, code, expected) => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await opened.log.append([{ stream: 's', events: [event(1)] }], undefined, 'written')
  const copy = temporaryFolder()
  cpSync(folder, copy, { recursive: true })
  for (const name of (await nodeFileSystem.list(`${copy}/memoir`)).filter((one) => one.endsWith('.lock'))) {
    await nodeFileSystem.remove(`${copy}/memoir/${name}`)
  }
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  fileSystem.fail({
    on: (call) => call.method === method && call.path.endsWith('.journal'),
    effect: { kind: 'error', code },
  })
  await expect(openLog(copy, { fileSystem })).rejects.toMatchObject({ code: expected })
  expect(await numbers(await openLog(copy))).toEqual([1])
})

test.each(['list', 'remove'] as const)(
  'says in words of its own that the journal cannot be emptied at the end: %s',
  async (method) => {
    const folder = temporaryFolder()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const opened = await openLog(folder, { fileSystem })
    await appendEach(opened, 's', 1)
    fileSystem.fail({
      on: (call) => call.method === method && call.path.includes('/memoir/journal'),
      effect: { kind: 'error', code: 'EIO' },
    })
    await expect(opened.close()).rejects.toMatchObject({ code: 'file-failed' })
    expect(await numbers(await openLog(folder))).toEqual([1])
  },
)

test('a folder that cannot be written to is refused with its path, and left as it was', async () => {
  const folder = temporaryFolder()
  await (await openLog(folder)).close()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  fileSystem.fail({
    on: ({ method, path }) => method === 'open' && path.includes('writer.'),
    effect: { kind: 'error', code: 'EROFS' },
  })
  await expect(openLog(folder, { fileSystem })).rejects.toMatchObject({ code: 'permission-denied' })
  expect(await readAll(await openLog(folder))).toEqual([])
})

test('refuses a folder that is no repository and not empty', async () => {
  const folder = temporaryFolder()
  git(folder, ['init', '--quiet', 'inner'])
  await expect(openLog(folder)).rejects.toMatchObject({ code: 'not-a-repository' })
  expect(await nodeFileSystem.list(folder)).toEqual(['inner'])
})
