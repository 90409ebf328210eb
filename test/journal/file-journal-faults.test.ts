import { readdirSync, readlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { JournalFailedError, JournalFullError } from '../../src/journal/errors.ts'
import { openFileJournal } from '../../src/journal/file-journal.ts'
import { groupEntries } from '../../src/journal/journal.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { entry, recover, temporaryDirectory } from './journal-fixture.ts'

const SMALL = 4096
const isFrameWrite = ({ method, path }: Call) => method === 'write' && path.endsWith('next.tmp')

async function faulty() {
  const directory = await temporaryDirectory()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const journal = await openFileJournal({ directory, fileSystem, segmentBytes: SMALL })
  await journal.append(groupEntries([entry(1)]), 'durable')
  return { directory, fileSystem, journal }
}

const LARGE = 900

/** A journal whose frames are so large that its segment grows with them. */
async function busy() {
  const directory = await temporaryDirectory()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const journal = await openFileJournal({
    directory,
    fileSystem,
    segmentBytes: SMALL,
    largeFrameBytes: LARGE / 3,
  })
  const entries = Array.from({ length: 10 }, (_, at) => entry(1 + at, 1, LARGE))
  for (const one of entries) await journal.append(groupEntries([one]), 'durable')
  return { directory, fileSystem, journal, entries }
}

/** The files of a folder that this process has open; on Linux alone. */
function openFilesIn(directory: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${name}`)
      return path.startsWith(directory) ? [path] : []
    } catch {
      // It was closed meanwhile.
      return []
    }
  })
}

describe('a full disk', () => {
  it('that has no room for the name of the next segment, nor for one after it, leaves the journal as it was', async () => {
    const { directory, fileSystem, journal } = await faulty()
    const effect = { kind: 'error', code: 'ENOSPC' } as const
    fileSystem.fail({ on: ({ method }) => method === 'rename', effect })
    const large = entry(2, 1, SMALL)
    await expect(journal.append(groupEntries([large]), 'durable')).rejects.toThrow(JournalFullError)
    fileSystem.fail({ on: ({ method, length }) => method === 'write' && length === SMALL, effect })
    const entries = Array.from({ length: 20 }, (_, at) => entry(2 + at, 1, 500))
    for (const one of entries) await journal.append(groupEntries([one]), 'durable')
    await journal.close()
    expect(openFilesIn(directory)).toEqual([])
    expect(await recover({ directory })).toEqual([entry(1), ...entries])
  })

  it('that has no room for the name of the next segment leaves no file open', async () => {
    const { directory, fileSystem, journal } = await faulty()
    fileSystem.fail({ on: ({ method }) => method === 'rename', effect: { kind: 'error', code: 'ENOSPC' } })
    const large = entry(2, 1, SMALL)
    await expect(journal.append(groupEntries([large]), 'durable')).rejects.toThrow(JournalFullError)
    for (let at = 2; at < 20; at++) await journal.append(groupEntries([entry(at, 1, 500)]), 'durable')
    await journal.close()
    expect(openFilesIn(directory)).toEqual([])
  })

  const effects = [
    { name: 'a short write', effect: { kind: 'short', bytes: 100 } },
    { name: 'a write of nothing', effect: { kind: 'short', bytes: 0 } },
    { name: 'ENOSPC', effect: { kind: 'error', code: 'ENOSPC' } },
    { name: 'ENOSPC after all was written', effect: { kind: 'error', code: 'ENOSPC', late: true } },
    { name: 'EDQUOT', effect: { kind: 'error', code: 'EDQUOT' } },
  ] as const

  for (const { name, effect } of effects) {
    for (const durability of ['written', 'durable'] as const) {
      it(`leaves no trace of a ${durability} append after ${name}, and the same positions work later`, async () => {
        const { directory, fileSystem, journal } = await faulty()
        fileSystem.fail({ on: isFrameWrite, effect })
        const refused = entry(2, 1, 700)
        await expect(journal.append(groupEntries([refused]), durability)).rejects.toThrow(JournalFullError)
        expect(await recover({ directory, readOnly: true })).toEqual([entry(1)])
        await journal.append(groupEntries([entry(2)]), durability)
        await journal.append(groupEntries([entry(3)]), 'durable')
        await journal.close()
        expect(await recover({ directory })).toEqual([entry(1), entry(2), entry(3)])
      })
    }
  }

  for (const { name, effect } of effects) {
    it(`leaves no trace in a segment that grows after ${name}, and the same positions work later`, async () => {
      const { directory, fileSystem, journal, entries } = await busy()
      fileSystem.fail({ on: isFrameWrite, effect })
      const next = entries.length + 1
      const refused = entry(next, 1, LARGE)
      await expect(journal.append(groupEntries([refused]), 'durable')).rejects.toThrow(JournalFullError)
      expect(await recover({ directory, readOnly: true })).toEqual(entries)
      entries.push(entry(next), entry(next + 1, 1, LARGE))
      for (const one of entries.slice(-2)) await journal.append(groupEntries([one]), 'durable')
      await journal.close()
      expect(await recover({ directory })).toEqual(entries)
    })
  }

  it('that has no room for the next segment leaves all as it was, and works again later', async () => {
    const { directory, fileSystem, journal } = await faulty()
    const on = ({ method, path }: Call) => method === 'open' && path.endsWith('next.tmp')
    fileSystem.fail({ on, times: 2, effect: { kind: 'error', code: 'ENOSPC' } })
    const large = entry(2, 1, 3950)
    await expect(journal.append(groupEntries([large]), 'durable')).rejects.toThrow(JournalFullError)
    expect(await readdir(directory)).toEqual(['000000000001.journal'])
    await journal.append(groupEntries([entry(2)]), 'durable')
    await expect(journal.append(groupEntries([entry(3, 1, 3950)]), 'durable')).rejects.toThrow(
      JournalFullError,
    )
    await journal.append(groupEntries([entry(3, 1, 3950)]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(1), entry(2), entry(3, 1, 3950)])
  })

  it('that has no room for zeros lets the next segment grow', async () => {
    const { directory, fileSystem, journal } = await faulty()
    const on = ({ method, length }: Call) => method === 'write' && length === SMALL
    fileSystem.fail({ on, effect: { kind: 'short', bytes: 512 } })
    const entries = [entry(1), entry(2, 1, 2500), entry(3, 1, 2500)]
    for (const one of entries.slice(1)) await journal.append(groupEntries([one]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual(entries)
  })

  it('that has no room for a name keeps the segment for later', async () => {
    const { directory, fileSystem, journal } = await faulty()
    fileSystem.fail({ on: ({ method }) => method === 'rename', effect: { kind: 'error', code: 'ENOSPC' } })
    await expect(journal.append(groupEntries([entry(2, 1, 3950)]), 'durable')).rejects.toThrow(
      JournalFullError,
    )
    await journal.append(groupEntries([entry(2, 1, 3950)]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(1), entry(2, 1, 3950)])
  })

  it('in the first frame of a new segment leaves it empty, and a larger frame gets another one', async () => {
    const { directory, fileSystem, journal } = await faulty()
    const isSecondSegment = (call: Call) => isFrameWrite(call) && call.length !== SMALL && call.position === 0
    fileSystem.fail({ on: isSecondSegment, effect: { kind: 'error', code: 'ENOSPC' } })
    await expect(journal.append(groupEntries([entry(2, 1, 3950)]), 'durable')).rejects.toThrow(
      JournalFullError,
    )
    await journal.append(groupEntries([entry(2, 1, 9000)]), 'durable')
    await journal.append(groupEntries([entry(3)]), 'durable')
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(1), entry(2, 1, 9000), entry(3)])
  })
})

describe('a process that is out of file descriptors', () => {
  const effect = { kind: 'error', code: 'EMFILE' } as const
  const opens = ({ method, path }: Call) => method === 'open' && path.endsWith('next.tmp')
  const syncsNames = ({ method }: Call) => method === 'syncDirectory'

  it.each([
    ['prepare a segment', opens],
    ['give it its name', syncsNames],
  ])('and cannot %s refuses what needs it, and goes on later', async (_, on) => {
    const { directory, fileSystem, journal } = await faulty()
    fileSystem.fail({ on, times: 2, effect })
    const entries = [entry(1), entry(2, 1, 2500)]
    await journal.append(groupEntries([entries[1]!]), 'durable')
    const next = entry(3, 1, 2500)
    const error = await journal.append(groupEntries([next]), 'durable').catch((refused: unknown) => refused)
    expect(error).toBeInstanceOf(JournalFullError)
    expect(error).toHaveProperty('message', `too many files are open for the journal in ${directory}`)
    expect(await recover({ directory, readOnly: true })).toEqual(entries)
    for (let at = 0; at < 2; at++) await journal.append(groupEntries([next]), 'durable').catch(() => {})
    await journal.append(groupEntries([entry(4)]), 'durable')
    await journal.close()
    expect(openFilesIn(directory)).toEqual([])
    expect(await recover({ directory })).toEqual([...entries, next, entry(4)])
  })

  it('removes what was released with the next release', async () => {
    const { directory, fileSystem, journal } = await faulty()
    for (const at of [2, 3, 4]) await journal.append(groupEntries([entry(at, 1, 2500)]), 'durable')
    fileSystem.fail({ on: syncsNames, effect })
    await journal.release(2)
    await journal.release(3)
    await journal.append(groupEntries([entry(5)]), 'durable')
    expect((await readdir(directory)).filter((name) => name.endsWith('.journal'))).toHaveLength(1)
    await journal.close()
    expect((await recover({ directory })).map(({ first }) => first)).toEqual([4, 5])
  })
})

describe('a failing disk', () => {
  it('stops the journal when a write fails, and opening again decides from the disk', async () => {
    const { directory, fileSystem, journal } = await faulty()
    fileSystem.fail({ on: isFrameWrite, effect: { kind: 'error', code: 'EIO' } })
    const failure = await journal.append(groupEntries([entry(2)]), 'durable').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(JournalFailedError)
    expect(failure).toMatchObject({ code: 'journal-failed', cause: { code: 'EIO' } })
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toBe(failure)
    await expect(journal.release(1)).rejects.toBe(failure)
    expect(journal.status().failure).toBe(failure)
    await journal.close()
    expect(await recover({ directory })).toEqual([entry(1)])
  })

  it('stops the journal when a sync fails, and no sync is tried again', async () => {
    for (const code of ['EIO', 'ENOSPC']) {
      const { fileSystem, journal } = await faulty()
      await journal.append(groupEntries([entry(2)]), 'written')
      fileSystem.fail({ on: ({ method }) => method === 'syncData', effect: { kind: 'error', code } })
      await expect(journal.append(groupEntries([entry(3)]), 'durable')).rejects.toThrow(JournalFailedError)
      const calls = fileSystem.calls.length
      await expect(journal.append(groupEntries([entry(3)]), 'durable')).rejects.toThrow(JournalFailedError)
      await journal.close()
      const later = fileSystem.calls.slice(calls).map(({ method }) => method)
      expect(later).toEqual(['close', 'close'])
    }
  })

  it('stops the journal when what was partly written cannot be undone', async () => {
    const { fileSystem, journal } = await faulty()
    fileSystem.fail({ on: isFrameWrite, times: 2, effect: { kind: 'short', bytes: 50 } })
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toThrow(JournalFailedError)
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toThrow(JournalFailedError)
    await journal.close()
  })

  it('stops a busy journal when what was partly written cannot be cut off', async () => {
    for (const method of ['truncate', 'sync'] as const) {
      const { fileSystem, journal, entries } = await busy()
      fileSystem.fail({ on: isFrameWrite, effect: { kind: 'short', bytes: 50 } })
      fileSystem.fail({ on: (call) => call.method === method, effect: { kind: 'error', code: 'EIO' } })
      const next = entry(entries.length + 1)
      await expect(journal.append(groupEntries([next]), 'durable')).rejects.toThrow(JournalFailedError)
      await expect(journal.append(groupEntries([next]), 'durable')).rejects.toThrow(JournalFailedError)
      await journal.close()
    }
  })

  it('stops a busy journal that can read nothing any more: its file system shut itself down', async () => {
    for (const before of ['durable', 'written'] as const) {
      const { fileSystem, journal, entries } = await busy()
      const next = entries.length + 1
      await journal.append(groupEntries([entry(next)]), before)
      fileSystem.fail({ on: ({ method }) => method === 'readNow', effect: { kind: 'error', code: 'EIO' } })
      const failed = journal.append(groupEntries([entry(next + 1)]), 'durable')
      await expect(failed).rejects.toMatchObject({ code: 'journal-failed', cause: { code: 'EIO' } })
      await expect(journal.append(groupEntries([entry(next + 1)]), 'durable')).rejects.toThrow(
        JournalFailedError,
      )
      await journal.close()
    }
  })

  it('stops the journal when a directory cannot be synced', async () => {
    const { fileSystem, journal } = await faulty()
    const effect = { kind: 'error', code: 'EIO' } as const
    fileSystem.fail({ on: ({ method }) => method === 'syncDirectory', effect })
    await expect(journal.append(groupEntries([entry(2, 1, 3950)]), 'durable')).rejects.toThrow(
      JournalFailedError,
    )
    await expect(journal.append(groupEntries([entry(2)]), 'durable')).rejects.toThrow(JournalFailedError)
    await journal.close()
  })

  it('stops the journal when the segment prepared ahead cannot be synced', async () => {
    const { fileSystem, journal } = await faulty()
    fileSystem.fail({ on: ({ method }) => method === 'sync', effect: { kind: 'error', code: 'EIO' } })
    await journal.append(groupEntries([entry(2, 1, 2500)]), 'durable')
    await journal.close()
    expect(journal.status().failure).toBeInstanceOf(JournalFailedError)
  })
})

describe('the calls that make names durable', () => {
  it('syncs the parent of each directory it creates', async () => {
    const root = await temporaryDirectory()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const directory = join(root, 'memoir', 'journal')
    await (await openFileJournal({ directory, fileSystem })).close()
    const synced = fileSystem.calls.filter(({ method }) => method === 'syncDirectory').map(({ path }) => path)
    expect(synced).toEqual([root, dirname(directory)])
  })

  it('syncs the directory after each creation, renaming and removal of a segment', async () => {
    const directory = await temporaryDirectory()
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const journal = await openFileJournal({ directory, fileSystem, segmentBytes: SMALL })
    for (let position = 1; position <= 4; position++) {
      await journal.append(groupEntries([entry(position, 1, 3000)]), 'durable')
    }
    await journal.release(3)
    const isAboutNames = ({ method }: Call) => ['rename', 'remove', 'syncDirectory'].includes(method)
    const calls = fileSystem.calls.filter(isAboutNames).map(({ method }) => method)
    await journal.close()
    const expected = [...Array(4).fill('rename'), ...Array(3).fill('remove')]
    expect(calls).toEqual(expected.flatMap((method) => [method, 'syncDirectory']))
  })

  it('syncs a new segment before it gets its name', async () => {
    const { fileSystem, journal } = await faulty()
    await journal.close()
    const methods = fileSystem.calls.map(({ method }) => method)
    expect(methods.indexOf('sync')).toBeGreaterThan(methods.indexOf('write'))
    expect(methods.indexOf('rename')).toBeGreaterThan(methods.indexOf('sync'))
  })
})
