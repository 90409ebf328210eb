import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { SnapshotChangedError } from '../../src/image/errors.ts'
import { decodeIndex, encodeIndex, indexMemory } from '../../src/image/index-snapshot.ts'
import { SnapshotFile, writeSnapshot } from '../../src/image/snapshot-file.ts'
import { ENCODING } from '../../src/image/snapshot-head.ts'
import { LogClosedError, LogLockedError } from '../../src/log/errors.ts'
import { LogIndex } from '../../src/log/log-index.ts'
import { open } from '../../src/memoir.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { type Call, FaultyFileSystem } from '../system/faulty-file-system.ts'
import { TemporaryFolder } from './image-fixture.ts'

/** Three chunks of each column, the last of them in part. */
const EVENTS = 150_000
const STREAMS = 300
const COMMIT = 'c'.repeat(40)

function add(index: LogIndex, from: number, count: number): void {
  for (let at = from; at < from + count; at++) {
    const tags = at % 1000 === 0 ? [`tag-${at % 7}`] : []
    const stream = `stream-${(at * 7) % STREAMS}`
    index.add(stream, `Type${at % 24}`, tags, 1_790_000_000_000 + at, at * 3)
  }
}

function indexOf(events: number): LogIndex {
  const index = new LogIndex()
  add(index, 0, events)
  return index
}

/** Writes what was taken of an index of so many events. */
async function write(parts: ReturnType<typeof encodeIndex>, position: number, path: string): Promise<void> {
  const header = { kind: 'index', name: '', version: 1, log: 'log', position, encoding: ENCODING } as const
  const file = await nodeFileSystem.open(path, 'w')
  await writeSnapshot(file, { header, commit: COMMIT }, parts)
  await file.close()
}

async function save(index: LogIndex, path: string): Promise<void> {
  await write(encodeIndex(index), index.count, path)
}

/** All that can be asked of an index. */
function facts(index: LogIndex): unknown {
  const streams = index.streams.all().map((name, number) => ({
    name,
    positions: index.chains.positions(number, 1, 1e9),
    early: index.chains.headAt(number, EVENTS / 3),
  }))
  const events = Array.from({ length: index.count }, (_, at) => [
    index.streamNumber(at + 1),
    index.typeNumber(at + 1),
    index.time(at + 1),
  ])
  const tagged = index.tags.names.all().map((tag) => [...index.tags.after(tag, 0)])
  const match = index.findMatch({ types: ['Type5'], streams: ['stream-5'] }, EVENTS / 2)
  return { streams, events, tagged, match, middle: index.positionAt(index.time(EVENTS / 2)) }
}

test('an index comes back from its file as it was, and goes on from there', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('index.snapshot')
  const original = indexOf(EVENTS)
  await save(original, path)
  const file = (await SnapshotFile.open(nodeFileSystem, path, indexMemory))!
  const index = decodeIndex(file)!
  expect(file.commit).toBe(COMMIT)
  add(index, EVENTS, 1000)
  add(original, EVENTS, 1000)
  expect(facts(index)).toEqual(facts(original))
  expect([...index.ids.find(3 * 77_777)]).toEqual([77_778])
  expect(index.idHash('a')).toBe(original.idHash('a'))
  await file.close()
})

test('adding events to an index that was just opened reads nothing of its file', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('index.snapshot')
  const original = new LogIndex()
  // One that comes once, at the start.
  original.add('stream-0', 'Opened', [], 1_790_000_000_000, 0)
  add(original, 1, EVENTS - 1)
  await save(original, path)
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const file = (await SnapshotFile.open(fileSystem, path, indexMemory))!
  const index = decodeIndex(file)!
  const read = () => fileSystem.calls.filter(({ method }) => method === 'readNow').length
  add(index, EVENTS, 100_000)
  index.truncate(EVENTS)
  expect(index.version('stream-7')).toBe(EVENTS / STREAMS)
  expect(index.lastTime).toBe(1_790_000_000_000 + EVENTS - 1)
  expect(read()).toBe(0)
  expect(index.time(1)).toBe(1_790_000_000_000)
  expect(index.time(2)).toBe(1_790_000_000_001)
  expect(read()).toBe(1)
  await file.close()
})

test('what is written holds the index as it was taken, whatever is added meanwhile', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('index.snapshot')
  const index = indexOf(EVENTS)
  const parts = encodeIndex(index)
  add(index, EVENTS, 70_000)
  await write(parts, EVENTS, path)
  const file = (await SnapshotFile.open(nodeFileSystem, path, indexMemory))!
  expect(facts(decodeIndex(file)!)).toEqual(facts(indexOf(EVENTS)))
  await file.close()
})

test('names are written in pieces: all of them may be more than a text can hold', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('index.snapshot')
  const original = new LogIndex()
  for (let at = 0; at < EVENTS; at++)
    original.add(`${'x'.repeat(180)}-${at}`, 'T', ['tag', `${at % 7}`], at, at)
  const parts = encodeIndex(original)
  // What comes later is in none of them.
  original.add('later', 'Later', ['later'], EVENTS, 0)
  expect(Math.max(...parts[0]!.map((piece) => piece().length))).toBeLessThan(16 << 20)
  await write(parts, EVENTS, path)
  const file = (await SnapshotFile.open(nodeFileSystem, path, indexMemory))!
  const index = decodeIndex(file)!
  expect(index.streams.all()).toEqual(original.streams.all().slice(0, -1))
  expect(index.types.all()).toEqual(['T'])
  expect(index.tags.names.all()).toEqual(original.tags.names.all().slice(0, -1))
  await file.close()
})

test('two that are written at the same time, from files themselves, do not get into each other', async () => {
  using folder = new TemporaryFolder()
  const files: SnapshotFile[] = []
  for (const [number, events] of [EVENTS, EVENTS - 7].entries()) {
    await save(indexOf(events), folder.join(`old-${number}`))
    files.push((await SnapshotFile.open(nodeFileSystem, folder.join(`old-${number}`), indexMemory))!)
  }
  await Promise.all(files.map((file, number) => save(decodeIndex(file)!, folder.join(`new-${number}`))))
  for (const [number, old] of files.entries()) {
    const file = await SnapshotFile.open(nodeFileSystem, folder.join(`new-${number}`), indexMemory)
    expect(file).toBeDefined()
    expect(facts(decodeIndex(file!)!)).toEqual(facts(decodeIndex(old)!))
    await file!.close()
    await old.close()
  }
})

test('a snapshot that does not say any more what it said when it was opened is told', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('index.snapshot')
  await save(indexOf(EVENTS), path)
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const file = (await SnapshotFile.open(fileSystem, path, indexMemory))!
  const index = decodeIndex(file)!
  const bytes = await readFile(path)
  // Somewhere in the times, which are the first column.
  bytes[1_000_000]! ^= 1
  writeFileSync(path, bytes)
  const everyTime = () => {
    for (let position = 1; position <= EVENTS; position++) index.time(position)
  }
  expect(everyTime).toThrow(SnapshotChangedError)
  bytes[1_000_000]! ^= 1
  writeFileSync(path, bytes)
  fileSystem.fail({ on: ({ method }) => method === 'readNow', effect: { kind: 'error', code: 'EIO' } })
  expect(everyTime).toThrow(SnapshotChangedError)
  expect(everyTime).not.toThrow()
  await file.close()
  expect(() => [...index.ids.find(0)]).toThrow(LogClosedError)
})

test('an append that is refused is taken back without a look at what is in the snapshot alone', async () => {
  using folder = new TemporaryFolder()
  const path = folder.join('bank.git')
  const opened = { type: 'Opened', data: 1 }
  const changes = Array.from({ length: 35_000 }, (_, data) => ({ type: 'Changed', data }))
  {
    await using log = await open(path)
    for (const events of [[opened], changes, changes]) await log.append('a', events)
  }
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await open(path, { ports: { fileSystem } })
  const isAppend = ({ method, path }: Call) => method === 'write' && path.includes('/journal/')
  fileSystem.fail({ on: isAppend, effect: { kind: 'error', code: 'ENOSPC' } })
  fileSystem.fail({ on: ({ method }) => method === 'readNow', effect: { kind: 'error', code: 'EIO' } })
  await expect(log.append('a', [opened])).rejects.toMatchObject({ code: 'journal-full' })
  expect(await log.append('a', [opened])).toMatchObject({ position: 70_002 })
  await log.close()
})

/** How many snapshot files this process has open. */
function openSnapshots(): number {
  const targets = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target.includes('/snapshots/')).length
}

test.skipIf(process.platform !== 'linux')(
  'a log keeps the file of its index open, and no other, until it is closed',
  async () => {
    using folder = new TemporaryFolder()
    const path = folder.join('log.git')
    {
      await using log = await open(path)
      await log.append(
        's',
        Array.from({ length: 2000 }, (_, at) => ({ type: 'Counted', data: { at } })),
      )
    }
    expect(openSnapshots()).toBe(0)
    {
      await using log = await open(path)
      expect(openSnapshots()).toBe(1)
      await expect(open(path)).rejects.toThrow(LogLockedError)
      await expect(open(path, { readOnly: true }).then((other) => other.close())).resolves.toBeUndefined()
      expect(openSnapshots()).toBe(1)
      expect(log.streams()).toMatchObject([{ stream: 's', version: 2000 }])
    }
    expect(openSnapshots()).toBe(0)
  },
)
