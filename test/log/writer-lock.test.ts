import { spawn, spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LogLockedError } from '../../src/log/errors.ts'
import { WriterLock } from '../../src/log/writer-lock.ts'
import { systemClock } from '../../src/system/clock.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { currentProcess, type ProcessIdentity } from '../../src/system/process-identity.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { appendEach, numbers, openLog, temporaryFolder } from './event-log-fixture.ts'

const acquire = (folder: string) => WriterLock.acquire(folder, nodeFileSystem, systemClock)
const findOwner = (folder: string) => WriterLock.findOwner(folder, nodeFileSystem, systemClock)

/** A folder whose lock belongs to somebody. */
function lockedBy(owner: Partial<ProcessIdentity>): string {
  const folder = temporaryFolder()
  const identity = { ...currentProcess(Date.now()), ...owner }
  writeFileSync(`${folder}/writer.000000000001.lock`, `${JSON.stringify(identity)}\n`)
  return folder
}

function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

test('is held until it is released, in this process too', async () => {
  const folder = temporaryFolder()
  const lock = await acquire(folder)
  await expect(acquire(folder)).rejects.toThrow(LogLockedError)
  await expect(acquire(folder)).rejects.toMatchObject({
    owner: { pid: process.pid },
    path: lock.path,
    message: expect.stringContaining('this process has the log open for writing already'),
    hint: expect.stringContaining('close it first'),
  })
  expect(await findOwner(folder)).toMatchObject({ pid: process.pid, isRunning: true })
  await lock.release()
  expect(await findOwner(folder)).toBeUndefined()
  const next = await acquire(folder)
  expect(next.path).not.toBe(lock.path)
  expect(readdirSync(folder)).toHaveLength(1)
})

test.each([
  ['a process that is gone', { pid: deadPid(), started: '' }],
  ['a process whose number was given to another', { started: '1' }],
  ['a process before the machine was started anew', { boot: 'another boot' }],
])('is taken over from %s', async (_, owner) => {
  const folder = lockedBy(owner)
  expect(await findOwner(folder)).toMatchObject({ isRunning: false })
  await acquire(folder)
  expect(await findOwner(folder)).toMatchObject({ pid: process.pid, isRunning: true })
})

test.each(['list', 'readFile', 'open', 'write', 'remove'] as const)(
  'tells in an error of ours that the disk failed at %s',
  async (method) => {
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    fileSystem.fail({ on: (call) => call.method === method, effect: { kind: 'error', code: 'EIO' } })
    const acquired = WriterLock.acquire(lockedBy({ boot: 'another boot' }), fileSystem, systemClock)
    await expect(acquired).rejects.toMatchObject({ code: 'file-failed' })
  },
)

test('tells in an error of ours that it cannot be released', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const lock = await WriterLock.acquire(temporaryFolder(), fileSystem, systemClock)
  fileSystem.fail({ on: ({ method }) => method === 'open', effect: { kind: 'error', code: 'EIO' } })
  await expect(lock.release()).rejects.toMatchObject({ code: 'file-failed' })
})

test('is free after a release that could not be written down', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const lock = await WriterLock.acquire(folder, fileSystem, systemClock)
  fileSystem.fail({ on: ({ method }) => method === 'open', effect: { kind: 'error', code: 'EMFILE' } })
  await expect(lock.release()).rejects.toMatchObject({ code: 'file-failed' })
  await acquire(folder)
})

test('is never taken from a process on another host', async () => {
  await expect(acquire(lockedBy({ host: 'elsewhere', pid: deadPid() }))).rejects.toMatchObject({
    code: 'log-locked',
    owner: { host: 'elsewhere' },
  })
})

test('is taken from one that died before it wrote its name', async () => {
  const folder = temporaryFolder()
  const path = `${folder}/writer.000000000007.lock`
  writeFileSync(path, '')
  utimesSync(path, 1, 1)
  await acquire(folder)
  expect(readdirSync(folder)).toEqual(['writer.000000000008.lock'])
})

test.each(['null', '5', '[]', '"writer"', '{}', '{"pid":"x"}', '{"pid":1,"host":2}'])(
  'is taken where its file names nobody, but holds %s',
  async (text) => {
    const folder = temporaryFolder()
    const path = `${folder}/writer.000000000007.lock`
    writeFileSync(path, text)
    utimesSync(path, 1, 1)
    expect(await findOwner(folder)).toBeUndefined()
    await acquire(folder)
    expect(readdirSync(folder)).toEqual(['writer.000000000008.lock'])
  },
)

test('is refused, and not looked for without end, where no number comes after the last', async () => {
  const folder = temporaryFolder()
  writeFileSync(`${folder}/writer.999999999999.lock`, 'released\n')
  await expect(acquire(folder)).rejects.toMatchObject({
    code: 'file-failed',
    path: `${folder}/writer.999999999999.lock`,
  })
})

test.runIf(process.platform === 'linux')('is taken from one that ended, and that nobody buried', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'])
  try {
    const [line] = await once(parent.stdout, 'data')
    const pid = Number(line)
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ')
    const folder = lockedBy({ pid, started: '' })
    expect(await findOwner(folder)).toMatchObject({ isRunning: false })
    await acquire(folder)
  } finally {
    parent.kill()
  }
})

test('is taken from one that died so while the clock was ahead', { timeout: 10_000 }, async () => {
  const folder = temporaryFolder()
  const path = `${folder}/writer.000000000007.lock`
  writeFileSync(path, '')
  const tomorrow = Date.now() / 1000 + 86_400
  utimesSync(path, tomorrow, tomorrow)
  await acquire(folder)
  expect(readdirSync(folder)).toEqual(['writer.000000000008.lock'])
})

test('holds although its owner was written in two pieces', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  fileSystem.fail({ on: ({ method }) => method === 'write', effect: { kind: 'short', bytes: 20 } })
  const lock = await WriterLock.acquire(folder, fileSystem, systemClock)
  utimesSync(lock.path, 1, 1)
  await expect(acquire(folder)).rejects.toThrow(LogLockedError)
})

test('leaves nothing behind on a full disk', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  fileSystem.fail({ on: ({ method }) => method === 'write', effect: { kind: 'short', bytes: 20 } })
  fileSystem.fail({
    on: ({ method }) => method === 'write',
    nth: 2,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const acquired = WriterLock.acquire(folder, fileSystem, systemClock)
  await expect(acquired).rejects.toMatchObject({ code: 'disk-full' })
  expect(readdirSync(folder)).toEqual([])
})

test('is given to one alone where another thought it left behind before its owner had written its name', async () => {
  const folder = temporaryFolder()
  const signs = new EventEmitter()
  const opening = (before: () => unknown, after: () => unknown): FileSystem => ({
    ...nodeFileSystem,
    async open(path, flags, mode) {
      await before()
      const file = await nodeFileSystem.open(path, flags, mode)
      await after()
      return file
    },
  })
  const mayWrite = once(signs, 'write')
  const isCreated = once(signs, 'created')
  const slow = opening(Date.now, () => {
    signs.emit('created')
    return mayWrite
  })
  const first = WriterLock.acquire(folder, slow, systemClock)
  await isCreated
  const late = opening(() => {
    signs.emit('write')
    return first
  }, Date.now)
  const ahead = { now: () => Date.now() + 10_000 }
  await expect(WriterLock.acquire(folder, late, ahead)).rejects.toThrow(LogLockedError)
  expect(await findOwner(folder)).toMatchObject({ path: (await first).path, isRunning: true })
  expect(readdirSync(folder)).toHaveLength(1)
})

test('is won by one of two processes that come at once', async () => {
  const folder = temporaryFolder()
  const rounds = 20
  for (let round = 0; round < rounds; round++) {
    mkdirSync(`${folder}/${round}`)
    const owner = { ...currentProcess(Date.now()), pid: deadPid(), started: '' }
    if (round % 2 === 0) writeFileSync(`${folder}/${round}/writer.000000000003.lock`, JSON.stringify(owner))
  }
  const script = `
    import { WriterLock } from ${JSON.stringify(new URL('../../dist/log/writer-lock.js', import.meta.url).href)}
    import { nodeFileSystem } from ${JSON.stringify(new URL('../../dist/system/file-system.js', import.meta.url).href)}
    const [folder, start] = process.argv.slice(1)
    const won = []
    for (let round = 0; round < ${rounds}; round++) {
      while (Date.now() < Number(start) + round * 25) {}
      await WriterLock.acquire(folder + '/' + round, nodeFileSystem, { now: () => Date.now() }).then(
        () => won.push(round),
        (error) => { if (error.code !== 'log-locked') throw error },
      )
    }
    console.log(JSON.stringify(won))
    process.stdin.resume()`
  const start = Date.now() + 700
  const children = [1, 2].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', script, folder, String(start)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  const outputs = await Promise.all(
    children.map(async ({ stdout }) => {
      for await (const chunk of stdout) return JSON.parse(String(chunk)) as number[]
      return []
    }),
  )
  for (const child of children) child.stdin.end()
  expect(outputs.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, at) => at))
})

test('a second writer is refused, a reader is not', async () => {
  const folder = temporaryFolder()
  const writer = await openLog(folder)
  await appendEach(writer, 's', 2)
  await writer.log.seal()
  await expect(openLog(folder)).rejects.toThrow(LogLockedError)
  expect(await numbers(await openLog(folder, { readOnly: true }))).toEqual([1, 2])
  await appendEach(writer, 's', 1, 3)
  await writer.close()
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3])
})
