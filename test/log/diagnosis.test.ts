import {
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/event/errors.ts'
import { scanSegment, walkFrames } from '../../src/journal/recovery.ts'
import {
  type Ailment,
  type DoctorOptions,
  diagnose,
  type Treatment,
  treat,
} from '../../src/log/diagnosis/diagnosis.ts'
import { LogDivergedError, LogLockedError } from '../../src/log/errors.ts'
import { open } from '../../src/memoir.ts'
import { type FileSystem, nodeFileSystem } from '../../src/system/file-system.ts'
import { currentProcess } from '../../src/system/process-identity.ts'
import { bareRepository, git, gitText } from '../repository/real-git.ts'
import {
  batch,
  closeLog,
  commitByHand,
  deposits,
  makeLog,
  openLog,
  readFileAt,
  storedLine,
  temporaryFolder,
  verify,
} from './log-fixture.ts'

const HOUR_AGO = Date.now() / 1000 - 3700

const codes = (ailments: readonly Ailment[]) => ailments.map(({ code }) => code)

/** The only ailment there is. */
async function onlyAilment(path: string, options: Partial<DoctorOptions> = {}): Promise<Ailment> {
  const ailments = await diagnose({ path, ...options })
  expect(codes(ailments)).toHaveLength(1)
  return ailments[0]!
}

/** Treats the only ailment there is, and sees that it is gone. */
async function cure(path: string): Promise<Treatment> {
  const treatment = await treat(await onlyAilment(path), { path })
  expect(await diagnose({ path })).toEqual([])
  return treatment
}

async function readIds(path: string): Promise<string[]> {
  const opened = await openLog(path, { readOnly: true })
  const ids: string[] = []
  for await (const { id } of opened.log.read()) ids.push(id)
  await closeLog(opened)
  return ids
}

/**
 * A log as a crash leaves it: committed events `committed`, and journaled ones that wait for their commit,
 * with the ids `waiting-0`, `waiting-1` …
 */
async function crashedLog(committed: number, waiting: number): Promise<string> {
  const path = await makeLog(deposits(committed))
  const opened = await openLog(path, { seal: { afterMs: 1e8, maxBytes: 1 << 30 } })
  for (let at = 0; at < waiting; at++) {
    const events = [{ type: 'MoneyDeposited', id: `waiting-${at}`, data: { at } }]
    await opened.log.append([{ stream: `account-${at % 2}`, events }], undefined, 'journaled')
  }
  const copy = join(temporaryFolder(), 'crashed.git')
  cpSync(path, copy, { recursive: true })
  for (const name of readdirSync(join(copy, 'memoir'))) {
    if (name.startsWith('writer.')) rmSync(join(copy, 'memoir', name))
  }
  await closeLog(opened)
  return copy
}

function segmentPath(path: string): string {
  const folder = join(path, 'memoir/journal')
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.journal'))!)
}

/** Changes a byte of the frame that begins at a position, which whole frames follow. */
function damageFrame(path: string, position: number): void {
  const segment = segmentPath(path)
  const bytes = readFileSync(segment)
  const frame = [...walkFrames(bytes)].find(({ first }) => first === position)!
  bytes[frame.end - 3]! ^= 1
  writeFileSync(segment, bytes)
}

function age(path: string): void {
  utimesSync(path, HOUR_AGO, HOUR_AGO)
}

function writeLock(path: string, owner: object, folder = 'memoir'): void {
  mkdirSync(join(path, folder), { recursive: true })
  const names = readdirSync(join(path, folder)).filter((name) => name.startsWith('writer.'))
  for (const name of names) rmSync(join(path, folder, name))
  writeFileSync(join(path, folder, 'writer.000000000007.lock'), `${JSON.stringify(owner)}\n`)
}

test('a log in good health has no ailments, and is not changed by the look', async () => {
  const path = await makeLog(deposits(3))
  const before = snapshot(path)
  expect(await diagnose({ path })).toEqual([])
  expect(snapshot(path)).toEqual(before)
})

test('a crashed log is not changed by the look', async () => {
  const path = await crashedLog(2, 3)
  writeFileSync(segmentPath(path), damageEnd(readFileSync(segmentPath(path))))
  const before = snapshot(path)
  expect(await diagnose({ path })).not.toEqual([])
  expect(snapshot(path)).toEqual(before)
})

describe('locks of git', () => {
  test.each(['refs/heads/main.lock', 'index.lock', 'HEAD.lock', 'packed-refs.lock'])(
    'a stale %s is found, and removed by the treatment',
    async (name) => {
      const path = await makeLog(deposits(1))
      writeFileSync(join(path, name), '')
      age(join(path, name))
      const ailment = await onlyAilment(path)
      expect(ailment).toMatchObject({
        code: 'stale-lock',
        severity: 'error',
        canFix: true,
        path: join(path, name),
      })
      expect(ailment.message).toMatch(/is 37\d\d s old/)
      await cure(path)
      expect(existsSync(join(path, name))).toBe(false)
    },
  )

  test('a lock that was just made is left alone', async () => {
    const path = await makeLog(deposits(1))
    writeFileSync(join(path, 'refs/heads/main.lock'), '')
    expect(await onlyAilment(path)).toMatchObject({ code: 'lock-held', severity: 'info', canFix: false })
  })

  test('a lock that somebody took after the look stays', async () => {
    const path = await makeLog(deposits(1))
    const lock = join(path, 'refs/heads/main.lock')
    writeFileSync(lock, '')
    age(lock)
    const ailment = await onlyAilment(path)
    writeFileSync(lock, '')
    const { message } = await treat(ailment, { path })
    expect(message).toContain('stays')
    expect(existsSync(lock)).toBe(true)
  })
})

describe('the lock of the writer', () => {
  test('of a dead process is told, and needs no treatment', async () => {
    const path = await makeLog(deposits(1))
    writeLock(path, { ...currentProcess(0), started: '1' })
    expect(await onlyAilment(path)).toMatchObject({ code: 'writer-dead', severity: 'info', canFix: false })
    await closeLog(await openLog(path))
    expect(await diagnose({ path })).toEqual([])
  })

  test('of a live process is told, and keeps the rest from being mended', async () => {
    const path = await makeLog(deposits(1))
    const leftover = join(path, 'objects/tmp_obj_abc')
    writeFileSync(leftover, 'x')
    age(leftover)
    const opened = await openLog(path, { seal: { afterMs: 1e8, maxBytes: 1 << 30 } })
    await opened.log.append([{ stream: 'a', events: [{ type: 'X' }] }], undefined, 'journaled')
    const ailments = await diagnose({ path })
    expect(codes(ailments)).toEqual(['writer-live', 'leftover-files'])
    expect(ailments.map(({ canFix }) => canFix)).toEqual([false, false])
    expect(ailments[1]!.remedy).toContain('Close the writer first')
    await closeLog(opened)
  })

  test('on another machine is released by the treatment', async () => {
    const path = await makeLog(deposits(1))
    writeLock(path, { ...currentProcess(0), host: `not-${hostname()}` })
    await expect(openLog(path)).rejects.toThrow(LogLockedError)
    expect(await onlyAilment(path)).toMatchObject({
      code: 'writer-elsewhere',
      severity: 'warning',
      canFix: true,
    })
    await cure(path)
    await closeLog(await openLog(path))
  })

  test('on this machine is never released', async () => {
    const path = await makeLog(deposits(1))
    writeLock(path, { ...currentProcess(0), host: `not-${hostname()}` })
    const ailment = await onlyAilment(path)
    const opened = await openLogPast(path)
    expect((await treat(ailment, { path })).message).toContain('not there any more')
    await expect(openLog(path)).rejects.toThrow(LogLockedError)
    await closeLog(opened)
  })
})

describe('the lock of maintenance', () => {
  test('on another machine is released by the treatment, also beside a writer', async () => {
    const path = await makeLog(deposits(1))
    writeLock(path, { ...currentProcess(0), host: `not-${hostname()}` }, 'memoir/maintenance')
    const log = await open(path)
    await expect(log.maintain()).rejects.toMatchObject({ code: 'maintenance-running' })
    const ailments = await diagnose({ path })
    expect(codes(ailments)).toEqual(['writer-live', 'maintenance-elsewhere'])
    expect(ailments[1]).toMatchObject({ severity: 'warning', canFix: true })
    await treat(ailments[1]!, { path })
    expect(codes(await diagnose({ path }))).toEqual(['writer-live'])
    await log.maintain()
    await log.close()
  })

  test('of this machine is nothing to tell: the next takes it over, or waits', async () => {
    const path = await makeLog(deposits(1))
    writeLock(path, { ...currentProcess(0), started: '1' }, 'memoir/maintenance')
    expect(await diagnose({ path })).toEqual([])
  })
})

describe('the journal', () => {
  test('with events that wait for their commit is sealed by the treatment', async () => {
    const path = await crashedLog(2, 3)
    const ailment = await onlyAilment(path)
    expect(ailment).toMatchObject({ code: 'events-unsealed', severity: 'info', canFix: true })
    expect(ailment.message).toContain('3 events at positions 3 to 5')
    await cure(path)
    expect(await verify(path)).toMatchObject({ isSound: true, events: 5 })
  })

  test('with a torn end is cut by the treatment, and no event is lost', async () => {
    const path = await crashedLog(2, 3)
    writeFileSync(segmentPath(path), damageEnd(readFileSync(segmentPath(path))))
    const ailments = await diagnose({ path })
    expect(codes(ailments)).toEqual(['journal-torn', 'events-unsealed'])
    await treat(ailments[0]!, { path })
    expect(await diagnose({ path })).toEqual([])
    expect((await readIds(path)).slice(2)).toEqual(['waiting-0', 'waiting-1', 'waiting-2'])
  })

  test('that is damaged is moved aside, and what stands before the damage is kept', async () => {
    const path = await crashedLog(2, 4)
    const segment = segmentPath(path)
    const bytes = readFileSync(segment)
    const frames = [...walkFrames(bytes)]
    const third = frames.find(({ first }) => first === 5)!
    bytes[third.end - 3]! ^= 1
    writeFileSync(segment, bytes)
    await expect(openLog(path)).rejects.toMatchObject({ code: 'journal-corrupt' })
    const ailment = await onlyAilment(path)
    expect(ailment).toMatchObject({ code: 'journal-corrupt', severity: 'error', canFix: true })
    expect(ailment.remedy).toContain('positions 1 to 4')
    expect(ailment.remedy).toContain('position 6')
    const { message } = await cure(path)
    expect(message).toContain('Positions 1 to 4 are kept')
    expect((await readIds(path)).slice(2)).toEqual(['waiting-0', 'waiting-1'])
    const aside = readdirSync(join(path, 'memoir')).filter((name) => name.startsWith('journal.damaged-'))
    expect(aside).toHaveLength(1)
    const kept = readFileSync(join(path, 'memoir', aside[0]!, segment.slice(segment.lastIndexOf('/') + 1)))
    expect(kept.equals(bytes)).toBe(true)
  })
})

test.each([1, 2, 6])(
  'a damaged journal beside %i foreign events gets its own appended behind them, as far as they are whole',
  async (foreign) => {
    const path = await crashedLog(2, 4)
    damageFrame(path, 5)
    const files = Array.from({ length: foreign }, (_, at) => [
      batch(3 + at),
      storedLine({ stream: 'foreign', version: at + 1 }),
    ])
    commitByHand(path, { files: Object.fromEntries(files) })
    const ailment = await onlyAilment(path)
    expect(ailment.remedy).toContain(`positions 1 to ${4 + foreign}:`)
    expect(ailment.remedy).toContain('position 6')
    const { message, moved } = await cure(path)
    expect(message).toContain('position 6 among it')
    expect(moved).toEqual([
      { id: 'waiting-0', from: 3, to: 3 + foreign },
      { id: 'waiting-1', from: 4, to: 4 + foreign },
    ])
    expect((await readIds(path)).slice(-2)).toEqual(['waiting-0', 'waiting-1'])
  },
)

test('what was taken back on purpose is not appended again from a damaged journal', async () => {
  const path = await makeLog(deposits(2))
  const opened = await openLog(path, { seal: { afterMs: 1e8, maxBytes: 1 << 30 } })
  const append = (id: string, ack: 'committed' | 'journaled') =>
    opened.log.append([{ stream: 'a', events: [{ type: 'X', id }] }], undefined, ack)
  await append('taken-back', 'committed')
  await append('waiting-0', 'journaled')
  await append('damaged', 'journaled')
  await append('waiting-1', 'journaled')
  const copy = join(temporaryFolder(), 'crashed.git')
  cpSync(path, copy, { recursive: true })
  await closeLog(opened)
  for (const name of readdirSync(join(copy, 'memoir'))) {
    if (name.startsWith('writer.')) rmSync(join(copy, 'memoir', name))
  }
  git(copy, ['update-ref', 'refs/heads/main', 'main^'])
  damageFrame(copy, 5)
  expect((await cure(copy)).moved).toEqual([{ id: 'waiting-0', from: 4, to: 3 }])
  expect((await readIds(copy)).slice(2)).toEqual(['waiting-0'])
})

test('what was saved of a damaged journal is appended after a crash', async () => {
  const path = await crashedLog(2, 3)
  const aside = join(path, 'memoir/journal.diverged-2026')
  cpSync(join(path, 'memoir/journal'), aside, { recursive: true })
  const segment = segmentPath(path)
  const bytes = readFileSync(segment)
  const second = [...walkFrames(bytes)].find(({ first }) => first === 4)!
  bytes[second.end - 3]! ^= 1
  writeFileSync(segment, bytes)
  const ailments = await diagnose({ path })
  expect(codes(ailments)).toEqual(['journal-corrupt', 'journal-aside'])
  for (const ailment of ailments) await treat(ailment, { path })
  expect(await diagnose({ path })).toEqual([])
  expect((await readIds(path)).slice(2)).toEqual(['waiting-0', 'waiting-1', 'waiting-2'])
})

describe('a log that diverged', () => {
  const foreign = (first: number, count: number) =>
    Array.from({ length: count }, (_, at) => [
      batch(first + at),
      storedLine({ stream: 'foreign', version: at + 1 }),
    ])

  test('gets its acknowledged events appended behind the foreign ones, with their ids', async () => {
    const path = await crashedLog(2, 3)
    commitByHand(path, { files: Object.fromEntries(foreign(3, 2)) })
    await expect(openLog(path)).rejects.toThrow(LogDivergedError)
    const ailment = await onlyAilment(path)
    expect(ailment).toMatchObject({ code: 'log-diverged', severity: 'error', canFix: true })
    expect(ailment.message).toContain('3 events at positions 3 to 5')
    const { moved } = await cure(path)
    expect(moved).toEqual([
      { id: 'waiting-0', from: 3, to: 5 },
      { id: 'waiting-1', from: 4, to: 6 },
      { id: 'waiting-2', from: 5, to: 7 },
    ])
    const ids = ['foreign/1', 'foreign/2', 'waiting-0', 'waiting-1', 'waiting-2']
    expect((await readIds(path)).slice(2)).toEqual(ids)
    expect(await verify(path)).toMatchObject({ isSound: true, findings: [] })
  })

  test.runIf(process.platform === 'linux')('is treated without a sync for each event', async () => {
    const path = await crashedLog(2, 50)
    commitByHand(path, { files: Object.fromEntries(foreign(3, 2)) })
    let synced = 0
    const fileSystem: FileSystem = {
      ...nodeFileSystem,
      async open(name, flags, mode) {
        const file = await nodeFileSystem.open(name, flags, mode)
        const isSynced = typeof flags === 'number' && (flags & constants.O_DSYNC) !== 0
        if (!isSynced || !name.includes('/memoir/journal/')) return file
        const write = file.write.bind(file)
        return Object.assign(file, {
          write: (...call: Parameters<typeof write>) => {
            synced++
            return write(...call)
          },
        })
      },
    }
    expect((await treat(await onlyAilment(path), { path, fileSystem })).moved).toHaveLength(50)
    expect(synced).toBeLessThan(5)
    expect(await diagnose({ path })).toEqual([])
    expect((await readIds(path)).slice(-1)).toEqual(['waiting-49'])
  })

  test('is found, too, when the foreign commits go further than the journal', async () => {
    const path = await crashedLog(2, 2)
    commitByHand(path, { files: Object.fromEntries(foreign(3, 5)) })
    expect(await onlyAilment(path)).toMatchObject({ code: 'log-diverged', canFix: true })
    expect((await cure(path)).moved).toHaveLength(2)
    expect((await readIds(path)).slice(-2)).toEqual(['waiting-0', 'waiting-1'])
  })

  test('keeps an append over two streams in one commit and in its order', async () => {
    const path = await makeLog(deposits(1))
    const opened = await openLog(path, { seal: { afterMs: 1e8, maxBytes: 1 << 30 } })
    const event = (id: string) => ({ type: 'X', id, tags: ['t'], metadata: { actor: 'me' } })
    const appends = [
      { stream: 'a', events: [event('a1'), event('a2')] },
      { stream: 'b', events: [event('b1')] },
    ]
    await opened.log.append(appends, undefined, 'journaled')
    commitByHand(path, { files: Object.fromEntries(foreign(2, 1)) })
    await expect(closeLog(opened)).rejects.toThrow(LogDivergedError)
    await cure(path)
    expect((await readIds(path)).slice(1)).toEqual(['foreign/1', 'a1', 'a2', 'b1'])
    expect(JSON.parse(readFileAt(path, batch(3)).split('\n')[0]!)).toMatchObject({
      id: 'a1',
      stream: 'a',
      version: 1,
      tags: ['t'],
      metadata: { actor: 'me' },
    })
  })

  test('whose treatment was cut short is treated to the end, and no event twice', async () => {
    const path = await crashedLog(2, 3)
    commitByHand(path, { files: Object.fromEntries(foreign(3, 2)) })
    const aside = join(path, 'memoir/journal.diverged-2026')
    renameSync(join(path, 'memoir/journal'), aside)
    const copy = join(temporaryFolder(), 'aside')
    cpSync(aside, copy, { recursive: true })
    expect(await onlyAilment(path)).toMatchObject({ code: 'journal-aside', severity: 'error', canFix: true })
    expect((await cure(path)).moved).toHaveLength(3)
    // As if the crash had come just before the old journal got its last name.
    cpSync(copy, aside, { recursive: true })
    expect((await cure(path)).moved).toEqual([])
    expect(await readIds(path)).toHaveLength(7)
  })

  test('whose branch holds the same events at other positions only has its journal set aside', async () => {
    const path = await crashedLog(2, 3)
    const text = [0, 1, 2]
      .map((at) => storedLine({ id: `waiting-${at}`, stream: 'a', version: at + 1 }))
      .join('')
    commitByHand(path, { files: { [batch(1)]: text, [batch(2)]: undefined } })
    await expect(openLog(path)).rejects.toThrow(LogDivergedError)
    const ailment = await onlyAilment(path)
    expect(ailment).toMatchObject({ code: 'log-diverged', canFix: true })
    expect(ailment.remedy).toContain('No event is appended')
    expect((await cure(path)).moved).toEqual([])
    expect(await readIds(path)).toEqual(['waiting-0', 'waiting-1', 'waiting-2'])
  })

  test('is no ailment once the same events are committed elsewhere', async () => {
    const path = await crashedLog(2, 1)
    const line = (id: string, stream: string, version: number) => storedLine({ id, stream, version })
    const files = { [batch(3)]: line('foreign', 'f', 1), [batch(4)]: line('waiting-0', 'account-0', 2) }
    commitByHand(path, { files })
    expect(await diagnose({ path })).toEqual([])
  })
})

describe('the repository', () => {
  test('that is not there is an error', async () => {
    const ailment = await onlyAilment(join(temporaryFolder(), 'nothing.git'))
    expect(ailment).toMatchObject({ code: 'not-a-repository', severity: 'error', canFix: false })
  })

  test('that holds something else is an error', async () => {
    const path = temporaryFolder()
    writeFileSync(join(path, 'notes.txt'), 'x')
    expect(await onlyAilment(path)).toMatchObject({ code: 'not-a-repository' })
  })

  test('without a log is an error', async () => {
    expect(await onlyAilment(bareRepository())).toMatchObject({ code: 'not-a-log', severity: 'error' })
  })

  test.each([
    ['a newer format', /^format: 1$/m, 'format: 2', 'newer-format'],
    ['a manifest that cannot be read', /^format: 1$/m, 'format: one', 'manifest-invalid'],
  ])('with %s is an error', async (_, from, to, code) => {
    const path = await makeLog([])
    commitByHand(path, { files: { 'memoir.yaml': readFileAt(path, 'memoir.yaml').replace(from, to) } })
    expect(await onlyAilment(path)).toMatchObject({ code, severity: 'error', canFix: false })
  })

  test('whose head holds an unexpected entry is an error that names it', async () => {
    const path = await makeLog(deposits(1))
    commitByHand(path, { files: { 'events/x': 'x' } })
    const ailment = await onlyAilment(path)
    expect(ailment).toMatchObject({ code: 'unexpected-entry', severity: 'error' })
    expect(ailment.message).toContain('events/x')
  })

  test('with a path that may not be written names the path', async () => {
    const path = await makeLog(deposits(1))
    const denied = join(path, 'objects')
    const access: DoctorOptions['access'] = async (asked) => asked !== denied
    expect(await onlyAilment(path, { access })).toMatchObject({
      code: 'permission-denied',
      severity: 'error',
      path: denied,
    })
  })

  test.each([
    'objects/tmp_obj_1',
    'objects/5a/tmp_obj_1',
    'objects/pack/tmp_pack_1',
    'memoir/tmp_obj_1',
    'memoir/remotes/tmp_obj_1',
    'memoir/journal/next.tmp',
    'memoir/outbox/next.tmp',
  ])('with an old temporary file %s has it removed by the treatment', async (name) => {
    const path = await makeLog(deposits(1))
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), 'x')
    expect(await diagnose({ path })).toEqual([])
    age(join(path, name))
    expect(await onlyAilment(path)).toMatchObject({
      code: 'leftover-files',
      severity: 'info',
      canFix: true,
    })
    await cure(path)
    expect(existsSync(join(path, name))).toBe(false)
  })

  test('whose files stand behind the branch has them brought along by the treatment', async () => {
    const path = temporaryFolder()
    git(path, ['init', '--quiet'])
    await makeLog(deposits(3), { path })
    const synced = gitText(path, 'rev-parse', 'main~2')
    git(path, ['read-tree', '-u', '--reset', synced])
    writeFileSync(join(path, '.git/memoir/work-tree'), `${synced}\n`)
    expect(await onlyAilment(path)).toMatchObject({
      code: 'work-tree-behind',
      severity: 'warning',
      canFix: true,
    })
    await cure(path)
    expect(existsSync(join(path, batch(3)))).toBe(true)
    expect(gitText(path, 'status', '--porcelain')).toBe('')
  })

  test('whose files were brought along by a commit by hand are not behind, whatever else is staged', async () => {
    const path = temporaryFolder()
    git(path, ['init', '--quiet'])
    await makeLog(deposits(1), { path })
    const synced = gitText(path, 'rev-parse', 'main')
    writeFileSync(join(path, '.git/memoir/work-tree'), `${synced}\n`)
    git(path, ['read-tree', '-u', '--reset', 'main'])
    writeFileSync(join(path, batch(2)), storedLine({ stream: 'by-hand', version: 1 }))
    git(path, ['add', '.'])
    git(path, ['commit', '--quiet', '-m', 'By hand'])
    writeFileSync(join(path, 'notes.txt'), 'staged')
    git(path, ['add', '.'])
    expect(await diagnose({ path })).toEqual([])
    git(path, ['rm', '--quiet', '--cached', batch(2)])
    expect((await onlyAilment(path)).code).toBe('work-tree-behind')
  })

  test('whose files stand behind a branch that holds a link gets none of them', async () => {
    const path = temporaryFolder()
    git(path, ['init', '--quiet'])
    await makeLog(deposits(1), { path })
    const synced = gitText(path, 'rev-parse', 'main')
    git(path, ['read-tree', '-u', '--reset', synced])
    mkdirSync(join(path, 'docs'))
    symlinkSync('/etc/passwd', join(path, 'docs/link'))
    git(path, ['add', 'docs'])
    git(path, ['commit', '--quiet', '-m', 'A link'])
    git(path, ['read-tree', '-u', '--reset', synced])
    writeFileSync(join(path, '.git/memoir/work-tree'), `${synced}\n`)
    const behind = (await diagnose({ path })).find(({ code }) => code === 'work-tree-behind')!
    await expect(treat(behind, { path })).rejects.toMatchObject({ code: 'unexpected-entry' })
    expect(existsSync(join(path, 'docs'))).toBe(false)
  })
})

describe('git', () => {
  test('that is missing is a warning, and the log is looked at without it', async () => {
    const path = await crashedLog(1, 1)
    const ailments = await diagnose({ path, findGit: async () => undefined })
    expect(codes(ailments)).toEqual(['git-missing', 'events-unsealed'])
    expect(ailments[0]).toMatchObject({ severity: 'warning', canFix: false })
  })

  test('that is too old is a warning', async () => {
    const path = await makeLog([])
    expect(await onlyAilment(path, { findGit: async () => '2.20.1' })).toMatchObject({ code: 'git-too-old' })
    expect(await diagnose({ path, findGit: async () => '10.0' })).toEqual([])
  })
})

describe('a treatment', () => {
  test('is refused for what cannot be mended from here', async () => {
    const path = bareRepository()
    await expect(treat(await onlyAilment(path), { path })).rejects.toThrow(UsageError)
  })

  test('does not race with a writer that came meanwhile', async () => {
    const path = await crashedLog(1, 2)
    commitByHand(path, { files: { [batch(2)]: storedLine({ stream: 'foreign', version: 1 }) } })
    const ailment = await onlyAilment(path)
    writeLock(path, currentProcess(Date.now()))
    await expect(treat(ailment, { path })).rejects.toThrow(LogLockedError)
    expect(existsSync(segmentPath(path))).toBe(true)
  })
})

/** A writer that takes over, as if the lock on another machine had been released. */
async function openLogPast(path: string) {
  writeFileSync(join(path, 'memoir/writer.000000000007.lock'), 'released\n')
  return openLog(path)
}

/** The journal with the start of a frame behind its last whole one. */
function damageEnd(bytes: Buffer): Buffer {
  const { end } = scanSegment(bytes, { last: undefined })
  bytes.write('cut short', end)
  return bytes
}

/** All files below a folder, with their contents and times. */
function snapshot(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names.map((name) => {
      const stat = statSync(join(path, name))
      const content = stat.isFile() ? readFileSync(join(path, name)).toString('latin1') : ''
      return [name, `${stat.mtimeMs} ${stat.size} ${content}`]
    }),
  )
}
