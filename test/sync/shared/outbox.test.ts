import { readdirSync, statSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { openFileJournal } from '../../../src/journal/file-journal.ts'
import { groupEntries } from '../../../src/journal/journal.ts'
import { Outbox } from '../../../src/sync/shared/outbox.ts'
import type { OutboxEntry } from '../../../src/sync/shared/outbox-record.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/system/file-system.ts'
import { temporaryFolder } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'

const CONFLICT = { code: 'concurrency', message: 'the stream is elsewhere' }

const MIB = 1 << 20

async function openOutbox(
  directory = `${temporaryFolder()}/outbox`,
  fileSystem: FileSystem = nodeFileSystem,
) {
  const outbox = await Outbox.open(directory, fileSystem)
  onTestFinished(() => outbox.close())
  return { outbox, directory }
}

function entry(key: string, filler = ''): OutboxEntry {
  const events = [{ type: 'Noted', id: `${key}-0`, data: { filler } }]
  return { key, append: { appends: [{ stream: 'a', events, expectedVersion: 'any' }] } }
}

const keysOf = (entries: readonly OutboxEntry[]) => entries.map(({ key }) => key)

test('keeps what was added, oldest first, through a restart', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one'), entry('two')])
  await outbox.add([entry('three')])
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(later.pending).toEqual([entry('one'), entry('two'), entry('three')])
  expect(later.holds('two')).toBe(true)
})

test('shows those who look from beside the writer what is on the disk', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one')])
  expect(await Outbox.read(directory, nodeFileSystem)).toEqual([entry('one')])
})

test('forgets what is decided, for good, and keeps what is older and what is younger', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one'), entry('two'), entry('three')])
  await outbox.forget('two', 'durable')
  await outbox.forget('unknown', 'durable')
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(keysOf(later.pending)).toEqual(['one', 'three'])
})

test('keeps what did not hold, with the reason, apart from what is on its way', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one'), entry('two')])
  await outbox.refuse('one', CONFLICT)
  await outbox.refuse('unknown', CONFLICT)
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(keysOf(later.pending)).toEqual(['two'])
  expect(later.conflicts).toEqual([{ ...entry('one'), conflict: CONFLICT }])
  await later.forget('one', 'durable')
  expect(later.conflicts).toEqual([])
})

test('opens on a full disk, too', async () => {
  const { outbox, directory } = await openOutbox()
  const large = entry('one', 'x'.repeat(200_000))
  await outbox.add([large])
  await outbox.close()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  fileSystem.fail({
    // What has a place already is overwritten.
    on: ({ method, path }) => method === 'write' && path.endsWith('next.tmp'),
    times: Number.POSITIVE_INFINITY,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const { outbox: later } = await openOutbox(directory, fileSystem)
  expect(later.pending).toEqual([large])
  await expect(later.add([large])).rejects.toMatchObject({ code: 'journal-full' })
})

test('takes in what is asked for at the same time, whatever it is', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one'), entry('two')])
  await Promise.all([
    outbox.add([entry('three')]),
    outbox.refuse('one', CONFLICT),
    outbox.forget('two', 'written'),
    outbox.add([entry('four')]),
  ])
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(keysOf(later.pending)).toEqual(['three', 'four'])
  expect(keysOf(later.conflicts)).toEqual(['one'])
})

test('does not grow because of one old append that nobody decides', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('old')])
  await outbox.refuse('old', CONFLICT)
  const filler = 'x'.repeat(1 << 20)
  for (let round = 0; round < 40; round++) {
    await outbox.add([entry(`${round}`, filler)])
    await outbox.forget(`${round}`, 'written')
  }
  const bytes = readdirSync(directory).map((name) => statSync(`${directory}/${name}`).size)
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(30 << 20)
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(keysOf(later.conflicts)).toEqual(['old'])
})

test('keeps what it said to keep, and nothing else, where there is no room to write all of it anew', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const { outbox, directory } = await openOutbox(undefined, fileSystem)
  fileSystem.fail({
    on: ({ method, length = 0 }) => method === 'write' && length > 2 * MIB,
    times: Number.POSITIVE_INFINITY,
    effect: { kind: 'error', code: 'ENOSPC' },
  })
  const kept: string[] = []
  for (let at = 0; at < 20; at++) {
    await outbox.add([entry(`${at}`, 'x'.repeat(MIB))]).then(
      () => kept.push(`${at}`),
      () => undefined,
    )
  }
  await outbox.close()
  const { outbox: later } = await openOutbox(directory)
  expect(keysOf(later.pending)).toEqual(kept)
})

test('writes what waits anew only once it has become twice as much', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const { outbox } = await openOutbox(undefined, fileSystem)
  for (let at = 0; at < 40; at++) await outbox.add([entry(`${at}`, 'x'.repeat(MIB))])
  const written = fileSystem.calls.filter(({ method }) => method === 'write')
  expect(written.reduce((sum, { length = 0 }) => sum + length, 0)).toBeLessThan(200 * MIB)
})

test('tells of a file system that fails as one of ours does, and leaves no file open', async () => {
  const { outbox, directory } = await openOutbox()
  await outbox.add([entry('one')])
  await outbox.close()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const failNext = (method: 'list' | 'write' | 'close', code = 'EIO') =>
    fileSystem.fail({ on: (call) => call.method === method, effect: { kind: 'error', code } })
  failNext('list')
  await expect(Outbox.open(directory, fileSystem)).rejects.toMatchObject({ code: 'file-failed' })
  failNext('list', 'EACCES')
  await expect(Outbox.read(directory, fileSystem)).rejects.toMatchObject({ code: 'permission-denied' })
  failNext('write', 'ENOSPC')
  await expect(Outbox.open(directory, fileSystem)).rejects.toMatchObject({ code: 'journal-full' })
  const count = (method: 'open' | 'close') => fileSystem.calls.filter((call) => call.method === method).length
  expect(count('close')).toBe(count('open'))
  const { outbox: later } = await openOutbox(directory, fileSystem)
  failNext('close')
  await expect(later.close()).rejects.toMatchObject({ code: 'file-failed' })
})

test.each([
  'null',
  '{}',
  '{"key":"a"}',
  '{"key":"a","append":{"appends":[null]}}',
  '{"key":"a","append":{"appends":[{"stream":"a","events":[{}]}]}}',
  '{"key":"a","append":{"appends":[]},"conflict":{}}',
  'no JSON',
])('refuses what somebody else put there with right checksums: %s', async (text) => {
  const directory = `${temporaryFolder()}/outbox`
  const journal = await openFileJournal({ directory })
  await journal.append(groupEntries([{ first: 1, count: 1, lines: Buffer.from(`${text}\n`) }]), 'durable')
  await journal.close()
  const refused = { code: 'journal-corrupt' }
  await expect(Outbox.open(directory, nodeFileSystem)).rejects.toMatchObject(refused)
  await expect(Outbox.read(directory, nodeFileSystem)).rejects.toMatchObject(refused)
})
