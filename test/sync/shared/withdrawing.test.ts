import { renameSync, writeFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { NewEvent } from '../../../src/event/event.ts'
import type { Notice } from '../../../src/log/log-state.ts'
import type { SharedLog } from '../../../src/shared-log.ts'
import type { PendingAppend } from '../../../src/sync/shared/pending.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { gitText } from '../../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { SharedRemote } from './shared-fixture.ts'

/** Refuses every push that adds a line with this text to the log. */
const REFUSE_SECRETS = `
while read before after ref; do
  if git diff "$before" "$after" | grep -q '^+.*SECRET'; then
    echo 'no secrets here' >&2
    exit 1
  fi
done`

/** What receive-pack was started by: the git that pushes, here. */
const KILL_PUSHER = 'kill -9 $(ps -o ppid= -p $PPID)'

const OFFLINE = { ack: 'committed' } as const

const noted = (text: string, id = text): NewEvent => ({ type: 'Noted', id, data: { text } })

async function idsOf(log: SharedLog): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of log.read()) ids.push(id)
  return ids
}

const eventsOf = (
  list: readonly { readonly appends: readonly { readonly events: readonly NewEvent[] }[] }[],
) => list.map(({ appends }) => appends.flatMap(({ events }) => events.map(({ id }) => id)))

/** A log with three appends that wait behind each other; the host never takes the first of them. */
async function blocked() {
  const remote = await SharedRemote.create()
  const notices: Notice[] = []
  const log = await remote.open('one', { onNotice: (notice) => notices.push(notice) })
  remote.cut('one')
  await log.append('a', [noted('SECRET', 'first')], { ...OFFLINE, expectedVersion: 'no-stream' })
  await log.append('a', [noted('rests on it', 'second')], { ...OFFLINE, expectedVersion: 1 })
  await log.append('b', [noted('stands alone', 'third')], OFFLINE)
  remote.hook('pre-receive', REFUSE_SECRETS)
  remote.mend('one')
  const [first] = log.pending()
  return { remote, log, notices, id: first!.id }
}

/** A log with one append that the host never takes, on a disk that can fail where the outbox is written. */
async function refused() {
  const remote = await SharedRemote.create()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const log = await remote.open('one', { ports: { fileSystem } })
  remote.hook('pre-receive', REFUSE_SECRETS)
  await log.append('a', [noted('SECRET')], OFFLINE)
  const [{ id }] = log.pending() as [PendingAppend]
  const failOutbox = (code: 'ENOSPC' | 'EIO') =>
    fileSystem.fail({
      on: ({ method, path }) => method === 'write' && path.includes('/outbox/'),
      effect: { kind: 'error', code },
    })
  return { remote, log, id, failOutbox }
}

/** A log whose only append is on its way, while a hook of the remote waits for `goOn`. */
async function underWay(hook: 'pre-receive' | 'post-receive', then: string) {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const go = `${remote.folder}/go`
  remote.hookOnce(hook, `while [ ! -e ${go} ]; do sleep 0.01; done\n${then}`)
  await log.append('a', [noted('first')], OFFLINE)
  await expect.poll(() => remote.hasRun, { timeout: 20_000 }).toBe(true)
  const [append] = log.pending()
  return { remote, log, id: append!.id, goOn: () => writeFileSync(go, '') }
}

describe('appends that wait for the remote', () => {
  test('are listed oldest first, with what they ask for', async () => {
    const { log } = await blocked()
    expect(eventsOf(log.pending())).toEqual([['first'], ['second'], ['third']])
    expect(log.pending()[1]).toEqual({
      id: expect.any(String),
      appends: [{ stream: 'a', expectedVersion: 1, events: [noted('rests on it', 'second')] }],
      condition: undefined,
    })
  })

  test('wait behind one that the host refuses, and the failure says how to go on', async () => {
    const { remote, log } = await blocked()
    const before = remote.head
    await expect(log.push()).rejects.toMatchObject({
      kind: 'refused',
      hint: expect.stringContaining('log.pending()'),
    })
    expect(log.pending()).toHaveLength(3)
    expect(remote.head).toBe(before)
  })
})

test('a refused push in which nothing waits here says nothing of what waits here', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  remote.hook('pre-receive', REFUSE_SECRETS)
  const refused = log.append('a', [noted('SECRET')])
  await expect(refused).rejects.toMatchObject({ hint: expect.not.stringContaining('pending') })
})

describe('an append that is withdrawn', () => {
  test('is a conflict with what rests on it, and the others go on', async () => {
    const { log, id } = await blocked()
    await log.push().catch(() => undefined)
    await log.withdraw(id)
    await log.push()
    expect(await idsOf(log)).toEqual(['third'])
    expect(log.pending()).toEqual([])
    expect(eventsOf(log.conflicts())).toEqual([['first'], ['second']])
    expect(log.conflicts()).toMatchObject([
      { id, reason: { code: 'append-withdrawn' } },
      { reason: { code: 'concurrency' } },
    ])
    expect(log.status().shared).toMatchObject({ provisional: 0, conflicts: 2, failure: undefined })
  })

  test('is withdrawn also where the host refuses another one behind it', async () => {
    const { log, id } = await blocked()
    await log.append('c', [noted('SECRET', 'fourth')], OFFLINE)
    await log.withdraw(id)
    expect(eventsOf(log.conflicts())).toContainEqual(['first'])
    expect(eventsOf(log.pending())).toEqual([['third'], ['fourth']])
    await log.withdraw(log.pending()[1]!.id)
    await log.push()
    expect(await idsOf(log)).toEqual(['third'])
  })

  test('is still a conflict after a restart', async () => {
    const { remote, log, id } = await blocked()
    await log.withdraw(id)
    await log.push()
    const before = log.conflicts()
    // Copied as it lies there: as if the process had been killed.
    remote.copy('one', 'crashed')
    const later = await remote.open('crashed')
    await later.push()
    expect(later.conflicts()).toEqual(before)
    expect(later.pending()).toEqual([])
    expect(await idsOf(later)).toEqual(['third'])
  })

  test('can be withdrawn by a process that comes later', async () => {
    const { remote, log, id } = await blocked()
    await log.close()
    const later = await remote.open('one')
    await later.withdraw(id)
    await later.push()
    expect(await idsOf(later)).toEqual(['third'])
    expect(later.conflicts()).toMatchObject([{ id, reason: { code: 'append-withdrawn' } }, {}])
  })

  test('goes through when it is retried with what the host takes, and what rests on it behind it', async () => {
    const { log, id } = await blocked()
    await log.withdraw(id)
    await expect(log.retryConflict(id)).rejects.toMatchObject({ kind: 'refused' })
    const appends = [{ stream: 'a', events: [noted('nothing to hide', 'first')] }]
    expect(await log.retryConflict(id, { appends })).toMatchObject({ version: 1 })
    const [second] = log.conflicts()
    expect(await log.retryConflict(second!.id)).toMatchObject({ version: 2 })
    expect(log.conflicts()).toEqual([])
    expect(await idsOf(log)).toEqual(['third', 'first', 'second'])
  })

  test('that the disk has no room for as a conflict goes on waiting', async () => {
    const { log, id, failOutbox } = await refused()
    failOutbox('ENOSPC')
    await expect(log.withdraw(id)).rejects.toMatchObject({ code: 'journal-full' })
    expect([log.pending().length, log.conflicts().length]).toEqual([1, 0])
    await log.withdraw(id)
    expect([log.pending().length, log.conflicts().length]).toEqual([0, 1])
  })
})

test('an append is not withdrawn where the disk fails that is to keep it as a conflict', async () => {
  const { log, id, failOutbox } = await refused()
  failOutbox('EIO')
  await expect(log.withdraw(id)).rejects.toMatchObject({ code: 'journal-failed' })
  expect(log.pending()).toHaveLength(1)
})

test('an append whose withdrawal the disk has no room for is withdrawn once it has, though a round was under way', async () => {
  const { remote, log, id, failOutbox } = await refused()
  await log.push().catch(() => undefined)
  remote.hook('pre-receive', '')
  failOutbox('ENOSPC')
  const pushed = log.push().catch(({ code }) => code)
  while (log.status().shared?.phase !== 'fetching') await nextTurn()
  await log.withdraw(id)
  expect(await pushed).toBe('journal-full')
  expect(await idsOf(log)).toEqual([])
  expect([log.pending().length, log.conflicts().length]).toEqual([0, 1])
})

test('an append can be withdrawn after it could not be looked at what waits beside it', async () => {
  const remote = await SharedRemote.create()
  const before = await remote.open('one')
  for (const id of ['early', 'late']) await before.append('b', [noted(id)])
  await before.close()
  const early = gitText(remote.path, 'rev-parse', 'HEAD:events/000000/000000000001.jsonl')
  const object = `${remote.folder}/one.git/objects/${early.slice(0, 2)}/${early.slice(2)}`
  remote.cut('one')
  const log = await remote.open('one')
  await log.append('a', [noted('first')], OFFLINE)
  const [{ id }] = log.pending() as [PendingAppend]
  const repeated = log.append('b', [noted('early')]).catch(({ code }) => code)
  renameSync(object, `${object}.away`)
  remote.mend('one')
  await log.withdraw(id).catch(() => undefined)
  expect(await repeated).toBe('object-missing')
  renameSync(`${object}.away`, object)
  for (const { id } of log.pending()) await log.withdraw(id)
  expect([log.pending().length, log.conflicts().length]).toEqual([0, 1])
})

test('what replaces a withdrawn append is found where nobody knows how its push ended', async () => {
  const { remote, log, id } = await blocked()
  await log.withdraw(id)
  await log.push()
  remote.hookOnce('post-receive', KILL_PUSHER)
  const appends = [{ stream: 'a', events: [noted('nothing to hide', 'first')] }]
  expect(await log.retryConflict(id, { appends })).toMatchObject({ version: 1 })
  expect(remote.hasRun).toBe(true)
  expect(await idsOf(log)).toEqual(['third', 'first'])
})

describe('an append is not withdrawn', () => {
  test('without the remote: it goes on waiting', async () => {
    const { remote, log, id } = await blocked()
    remote.cut('one')
    await expect(log.withdraw(id)).rejects.toMatchObject({ code: 'remote-failed' })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(log.withdraw(id, { signal })).rejects.toThrow('enough')
    remote.hook('pre-receive', '')
    remote.mend('one')
    await log.push()
    expect(await idsOf(log)).toEqual(['first', 'second', 'third'])
    expect(log.conflicts()).toEqual([])
  })

  test('under an id that none has that waits', async () => {
    const { log, id } = await blocked()
    const notFound = { code: 'pending-not-found', hint: expect.stringContaining('memoir pending') }
    await expect(log.withdraw('none')).rejects.toMatchObject({ ...notFound, id: 'none' })
    await log.withdraw(id)
    await expect(log.withdraw(id)).rejects.toMatchObject({ ...notFound, id })
  })
})

describe('an append that is withdrawn while it is pushed', () => {
  test('is confirmed when the push arrives', async () => {
    const { log, id, goOn } = await underWay('pre-receive', 'exit 0')
    const withdrawn = log.withdraw(id).catch((error) => error)
    goOn()
    expect(await withdrawn).toMatchObject({ code: 'append-stored', id })
    expect(await idsOf(log)).toEqual(['first'])
    expect([log.pending(), log.conflicts()]).toEqual([[], []])
  })

  test('is confirmed when nobody knows how the push ended, and it has arrived', async () => {
    const { log, id, goOn } = await underWay('post-receive', KILL_PUSHER)
    const withdrawn = log.withdraw(id).catch((error) => error)
    goOn()
    expect(await withdrawn).toMatchObject({ code: 'append-stored', id })
    expect(await idsOf(log)).toEqual(['first'])
    expect([log.pending(), log.conflicts()]).toEqual([[], []])
  })

  test('is a conflict when nobody knows how the push ended, and it has not arrived', async () => {
    const { remote, log, id, goOn } = await underWay('pre-receive', 'kill -9 $PPID')
    const before = remote.head
    const withdrawn = log.withdraw(id)
    goOn()
    await withdrawn
    await log.push()
    expect(remote.head).toBe(before)
    expect(log.conflicts()).toMatchObject([{ id, reason: { code: 'append-withdrawn' } }])
    expect(await log.retryConflict(id)).toMatchObject({ position: 1 })
    expect(await idsOf(log)).toEqual(['first'])
  })
})

describe('an append that arrives after it was withdrawn, by a push that was still under way,', () => {
  async function arrivedLate() {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    await log.append('a', [noted('first')], OFFLINE)
    await log.close()
    remote.copy('one', 'earlier')
    // Nothing but a withdrawal is to reach the remote from here.
    remote.hook('pre-receive', 'exit 1')
    remote.mend('one')
    const again = await remote.open('one')
    const [{ id }] = again.pending() as [PendingAppend]
    await again.withdraw(id)
    remote.hook('pre-receive', 'exit 0')
    const earlier = await remote.open('earlier')
    await earlier.push()
    return { log: again, id }
  }

  test('is stored once when it is retried as it was', async () => {
    const { log, id } = await arrivedLate()
    expect(await log.retryConflict(id)).toMatchObject({ position: 1 })
    expect(await idsOf(log)).toEqual(['first'])
    expect(log.conflicts()).toEqual([])
  })

  test.each(['first', 'second'])('is not replaced by another one, of the id %s', async (newId) => {
    const { log, id } = await arrivedLate()
    const appends = [{ stream: 'a', events: [noted('corrected', newId)] }]
    await expect(log.retryConflict(id, { appends })).rejects.toMatchObject({ code: 'append-stored', id })
    expect(await idsOf(log)).toEqual(['first'])
    await log.dropConflict(id)
    expect(log.conflicts()).toEqual([])
  })
})
