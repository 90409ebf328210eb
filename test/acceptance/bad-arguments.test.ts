import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { clone, follow, open, type SharedOptions, standby } from '../../src/index.ts'
import { temporaryDirectory } from '../repository/real-git.ts'

it.each([undefined, Number.NaN, -1, 1.5, '1', Number.POSITIVE_INFINITY])(
  'waiting for the position %s is refused: it would never come',
  async (position) => {
    await using log = await open(join(temporaryDirectory(), 'log.git'))
    await log.append('s', [{ type: 'T' }])
    await log.waitFor(1)
    const refused = log.waitFor(position as number, { signal: AbortSignal.timeout(5000) })
    await expect(refused).rejects.toMatchObject({ code: 'usage' })
  },
)

it.each(['', undefined])(
  'a backup into %j is refused, and none is made in the current folder',
  async (folder) => {
    await using log = await open(join(temporaryDirectory(), 'log.git'))
    const before = readdirSync('.')
    await expect(log.backup(folder as string)).rejects.toMatchObject({ code: 'usage' })
    expect(readdirSync('.')).toEqual(before)
  },
)

it.each([
  { mode: 'shared', shared: { closeWithinMs: Number.POSITIVE_INFINITY } },
  { mode: 'shared', shared: { closeWithinMs: -1 } },
  { mode: 'shared', shared: { patienceMs: Number.POSITIVE_INFINITY } },
  { push: { closeWithin: Number.POSITIVE_INFINITY } },
])('a wait that no timer can keep is refused: %j', async (options) => {
  const opened = open(join(temporaryDirectory(), 'log.git'), options as SharedOptions)
  await expect(opened).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('24 days') })
})

// So that a call that is not refused fails all the same.
const nowhere = '/dev/null/log.git'
const WAITS: readonly [name: string, call: (ms: number) => Promise<unknown>][] = [
  ['seal.afterMs', (afterMs) => open(nowhere, { seal: { afterMs } })],
  ['watch.pollMs', (pollMs) => open(nowhere, { watch: { pollMs } })],
  ['maintenance.idleMs', (idleMs) => open(nowhere, { maintenance: { idleMs } })],
  ['push.every', (every) => open(nowhere, { push: { every } })],
  ['push.closeWithin', (closeWithin) => open(nowhere, { push: { closeWithin } })],
  ['shared.patienceMs', (patienceMs) => open(nowhere, { mode: 'shared', shared: { patienceMs } })],
  ['shared.fetchMs', (fetchMs) => open(nowhere, { mode: 'shared', shared: { fetchMs } })],
  ['shared.closeWithinMs', (closeWithinMs) => open(nowhere, { mode: 'shared', shared: { closeWithinMs } })],
  ['poll.fastestMs', (fastestMs) => follow(nowhere, nowhere, { poll: { fastestMs } })],
  ['poll.slowestMs', (slowestMs) => follow(nowhere, nowhere, { poll: { slowestMs } })],
  ['timeoutMs', (timeoutMs) => follow(nowhere, nowhere, { timeoutMs })],
  ['pollMs', (pollMs) => standby(nowhere, nowhere, { signal: AbortSignal.abort(), pollMs })],
]

it.each(WAITS)('%s is refused where Node would take it for 1 ms', async (name, call) => {
  for (const ms of [Number.POSITIVE_INFINITY, 2 ** 31, Number.NaN, -1]) {
    await expect(call(ms)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(RegExp(`${name}.* is ${ms}$`)),
      hint: expect.stringContaining('2147483647'),
    })
  }
})

it('how long a remote may be silent is refused where Node would take it for 1 ms', async () => {
  await using log = await open(join(temporaryDirectory(), 'log.git'))
  const options = { timeoutMs: Number.POSITIVE_INFINITY }
  for (const transfer of [
    log.push(nowhere, options),
    log.pull(nowhere, options),
    log.backup(nowhere, options),
    log.drill(nowhere, options),
  ]) {
    await expect(transfer).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('2147483647'),
    })
  }
})

it.each(['', undefined])('a clone of %j is refused', async (address) => {
  await expect(clone(address as string)).rejects.toMatchObject({ code: 'usage' })
})

it('an append of what is no list of events says how to give them', async () => {
  await using log = await open(join(temporaryDirectory(), 'log.git'))
  for (const events of [{ type: 'T' }, 'T', undefined, { ack: 'committed' }]) {
    await expect(log.append('s', events as never)).rejects.toMatchObject({
      code: 'invalid-event',
      field: 'events',
      hint: expect.stringContaining('append(stream, [{ type'),
    })
  }
  expect(log.status().events).toBe(0)
})

it('no condition of an append over several streams is passed over', async () => {
  await using log = await open(join(temporaryDirectory(), 'log.git'))
  const append = log.append.bind(log) as unknown as (...given: unknown[]) => Promise<unknown>
  const appends = [{ stream: 's', events: [{ type: 'T' }] }]
  const expected = { expectedVersion: 'stream-exists' }
  await expect(append(appends, expected)).rejects.toMatchObject({ code: 'usage' })
  await expect(append(appends, undefined, expected)).rejects.toMatchObject({ code: 'usage' })
  const never = { condition: { query: {}, after: 0 } }
  await log.append('s', [{ type: 'T' }])
  await expect(append(appends, undefined, never)).rejects.toMatchObject({ code: 'concurrency' })
  expect(log.status().events).toBe(1)
})

it('a remote that is not known by its name says how to make it known', async () => {
  await using log = await open(join(temporaryDirectory(), 'log.git'))
  await expect(log.push()).rejects.toMatchObject({
    code: 'invalid-remote',
    hint: expect.stringContaining('git remote add origin'),
  })
})

it('a log that is not there yet is not told to be created by reading it', async () => {
  const opened = open(join(temporaryDirectory(), 'log.git'), { readOnly: true })
  await expect(opened).rejects.toMatchObject({
    code: 'not-a-repository',
    hint: expect.stringContaining('Open it for writing first'),
  })
})
