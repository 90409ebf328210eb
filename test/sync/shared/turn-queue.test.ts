import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test, vi } from 'vitest'
import { TurnQueue } from '../../../src/sync/shared/turn-queue.ts'
import { systemClock } from '../../../src/system/clock.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { currentProcess } from '../../../src/system/process-identity.ts'
import { temporaryFolder } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'

const queue = (lostTurnMs?: number) => new TurnQueue(nodeFileSystem, systemClock, lostTurnMs)

const ticketsIn = (directory: string) => readdirSync(directory).filter((name) => name.startsWith('turn.'))

test('lets writers in one after the other, in the order in which they came', async () => {
  const directory = `${temporaryFolder()}/turns`
  const order: string[] = []
  const first = queue()
  await first.enter(directory)
  const entered: Promise<void>[] = []
  for (const name of ['second', 'third', 'fourth']) {
    const one = queue()
    entered.push(
      one.enter(directory).then(async () => {
        order.push(name)
        await one.leave()
      }),
    )
    await vi.waitFor(() => expect(ticketsIn(directory)).toHaveLength(entered.length + 1))
  }
  expect(order).toEqual([])
  await first.leave()
  await Promise.all(entered)
  expect(order).toEqual(['second', 'third', 'fourth'])
  expect(ticketsIn(directory)).toEqual([])
})

test('passes over a process that is gone, at once', async () => {
  const directory = temporaryFolder()
  const { pid } = spawnSync(process.execPath, ['-e', '0'])
  const gone = { ...currentProcess(0), pid, started: '1' }
  writeFileSync(`${directory}/turn.000000000001`, JSON.stringify(gone))
  expect(await queue(Number.POSITIVE_INFINITY).enter(directory)).toBe(true)
  expect(ticketsIn(directory)).toEqual(['turn.000000000002'])
})

test('passes over whoever is first for too long', async () => {
  const directory = temporaryFolder()
  await queue().enter(directory)
  expect(await queue(50).enter(directory)).toBe(true)
  expect(ticketsIn(directory)).toHaveLength(1)
})

test('passes over a ticket that holds nothing, once it is first for too long', async () => {
  const directory = temporaryFolder()
  writeFileSync(`${directory}/turn.000000000001`, '')
  expect(await queue(50).enter(directory)).toBe(true)
})

test('passes over a ticket that is large without a look into it', async () => {
  const directory = temporaryFolder()
  const path = `${directory}/turn.000000000001`
  writeFileSync(path, '')
  truncateSync(path, 1 << 30)
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  expect(await new TurnQueue(fileSystem, systemClock, 50).enter(directory)).toBe(true)
  expect(fileSystem.calls.filter(({ method }) => method === 'readFile')).toEqual([])
})

test.each(['memoir', 'memoir/turns'])('does without where %s is a link', async (name) => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
  mkdirSync(dirname(`${folder}/${name}`), { recursive: true })
  symlinkSync(elsewhere, `${folder}/${name}`)
  expect(await queue().enter(`${folder}/memoir/turns`)).toBe(false)
  expect(readdirSync(elsewhere)).toEqual([])
})

test('does without where no ticket can be written', async () => {
  const folder = temporaryFolder()
  writeFileSync(`${folder}/file`, '')
  const one = queue()
  expect(await one.enter(`${folder}/file/turns`)).toBe(false)
  expect(one.isFirst).toBe(false)
})

test('leaves no ticket behind where a full disk takes its name and not what it says', async () => {
  const directory = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const one = new TurnQueue(fileSystem, systemClock)
  fileSystem.fail({ on: ({ method }) => method === 'write', effect: { kind: 'error', code: 'ENOSPC' } })
  fileSystem.fail({ on: ({ method }) => method === 'write', nth: 2, effect: { kind: 'short', bytes: 5 } })
  fileSystem.fail({ on: ({ method }) => method === 'write', nth: 3, effect: { kind: 'short', bytes: 0 } })
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(await one.enter(directory)).toBe(false)
    expect(ticketsIn(directory)).toEqual([])
  }
})

test('does without where a ticket cannot be taken away', async () => {
  const directory = temporaryFolder()
  mkdirSync(`${directory}/turn.000000000001`)
  expect(await queue(50).enter(directory)).toBe(false)
  expect(ticketsIn(directory)).toEqual(['turn.000000000001'])
})

test('does without where no number comes after the last ticket', async () => {
  const directory = temporaryFolder()
  for (const number of ['999999999999', '1000000000000']) writeFileSync(`${directory}/turn.${number}`, '')
  expect(await queue(50).enter(directory)).toBe(false)
})

test('waits no longer once it is closed, however many are ahead', async () => {
  const directory = temporaryFolder()
  const owner = JSON.stringify(currentProcess(0))
  for (let number = 1; number <= 60; number++) {
    writeFileSync(`${directory}/turn.${String(number).padStart(12, '0')}`, owner)
  }
  const one = queue()
  const entered = one.enter(directory)
  await vi.waitFor(() => expect(ticketsIn(directory)).toHaveLength(61))
  const started = performance.now()
  await one.close()
  expect(await entered).toBe(false)
  expect(performance.now() - started).toBeLessThan(2000)
})
