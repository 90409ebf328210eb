import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { SharedLog } from '../../../src/shared-log.ts'
import { event, gitText } from '../../log/event-log-fixture.ts'
import { SharedRemote } from './shared-fixture.ts'

const OFFLINE = { ack: 'committed' } as const

/** A log whose next push breaks off before the remote has taken it, and arrives when it is told to. */
async function openWithLatePush() {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const [pushed, go] = [`${remote.folder}/pushed`, `${remote.folder}/go`]
  const wait = `while [ ! -e ${go} ]; do sleep 0.01; done`
  remote.hookOnce('pre-receive', `cat > ${pushed}.new; mv ${pushed}.new ${pushed}; ${wait}; kill -9 $PPID`)
  return {
    remote,
    log,
    whenUnderWay: () => expect.poll(() => existsSync(pushed), { timeout: 20_000 }).toBe(true),
    breakOff: () => writeFileSync(go, ''),
    arrive: () => {
      const [, commit] = readFileSync(pushed, 'utf8').split(' ')
      gitText(`${remote.folder}/one.git`, 'push', '--quiet', remote.path, `${commit}:refs/heads/main`)
    },
  }
}

async function idsOf(log: SharedLog): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of log.read()) ids.push(id)
  return ids
}

test('an append that holds no more without one that was given up, and may arrive with it, is not called refused', async () => {
  const { log, whenUnderWay, breakOff, arrive } = await openWithLatePush()
  const ending = new AbortController()
  const first = log
    .append('a', [event(1, { id: 'first' })], { signal: ending.signal })
    .catch((error) => error)
  const append = () => log.append('a', [event(2, { id: 'second' })], { expectedVersion: 1 })
  const second = append().catch((error) => error)
  await whenUnderWay()
  ending.abort(new Error('enough'))
  expect(await first).toMatchObject({ code: 'not-confirmed', mayBeStored: true })
  breakOff()
  expect(await second).toMatchObject({
    code: 'not-confirmed',
    mayBeStored: true,
    cause: { code: 'concurrency' },
  })
  arrive()
  expect(await append()).toMatchObject({ position: 2 })
  expect(await idsOf(log)).toEqual(['first', 'second'])
})

test('a conflict of an append that arrived after all is not replaced by another one', async () => {
  const { log, whenUnderWay, breakOff, arrive } = await openWithLatePush()
  await log.append('a', [event(1, { id: 'first' })], OFFLINE)
  await log.append('a', [event(2, { id: 'second' })], { ...OFFLINE, expectedVersion: 1 })
  await whenUnderWay()
  const [first] = log.pending()
  const withdrawn = log.withdraw(first!.id)
  breakOff()
  await withdrawn
  await log.push()
  const [, second] = log.conflicts()
  expect(second!.reason.code).toBe('concurrency')
  arrive()
  const appends = [{ stream: 'a', events: [event(3, { id: 'third' })] }]
  const retried = log.retryConflict(second!.id, { appends })
  await expect(retried).rejects.toMatchObject({ code: 'append-stored', id: second!.id })
  expect(await idsOf(log)).toEqual(['first', 'second'])
})
