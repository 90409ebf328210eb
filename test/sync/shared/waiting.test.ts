import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { SharedRemote } from './shared-fixture.ts'

const MEMOIR = new URL('../../../dist/index.js', import.meta.url)

/** Asks for a push, and then for nothing else, while the one before it is being refused. */
const PROGRAM = `
import { setTimeout as wait } from 'node:timers/promises'
import { open } from ${JSON.stringify(MEMOIR.href)}
const [path, remote] = process.argv.slice(1)
const log = await open(path, { mode: 'shared', remote })
await log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
while (log.status().shared.phase !== 'pushing') await wait(1)
await log.push().catch(({ code, kind }) => console.log(code, kind))
process.exit(0)
`

test('a push that is asked for while one is being refused keeps its process running until it is answered', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  remote.hook('pre-receive', 'sleep 0.3; exit 1')
  const args = ['--input-type=module', '-e', PROGRAM, `${remote.folder}/one.git`, remote.path]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toBe('remote-failed refused\n')
})

test('a push that waits for an append without the remote, which is refused, is answered', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const options = { ack: 'committed', expectedVersion: 'stream-exists' } as const
  const refused = log.append('visit', [{ type: 'VisitNoted' }], options)
  const pushed = log.push()
  await expect(refused).rejects.toMatchObject({ code: 'concurrency' })
  await pushed
})

test('many appends at once are no reason for a warning', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const warnings: Error[] = []
  const keep = (warning: Error) => warnings.push(warning)
  process.on('warning', keep)
  onTestFinished(() => {
    process.off('warning', keep)
  })
  const visits = Array.from({ length: 12 }, (_, at) => log.append(`visit-${at}`, [{ type: 'VisitNoted' }]))
  await Promise.all(visits)
  expect(warnings).toEqual([])
})

test('a pull that took in what the remote has ends well, though the host refuses what waits here', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const other = await remote.open('other')
  remote.cut('one')
  await log.append('visit', [{ type: 'VisitNoted' }], { ack: 'committed' })
  await other.append('seat', [{ type: 'SeatTaken' }])
  remote.hook('pre-receive', 'exit 1')
  remote.mend('one')
  await log.pull()
  expect(log.status()).toMatchObject({ events: 1, shared: { provisional: 1, failure: { kind: 'refused' } } })
  await expect(log.push()).rejects.toMatchObject({ kind: 'refused' })
})

test('a remote that answered in between is waited for no longer than at first when it fails again', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  const fail = () => expect(log.pull()).rejects.toMatchObject({ code: 'remote-failed' })
  remote.cut('one')
  for (let time = 0; time < 10; time++) await fail()
  remote.mend('one')
  await log.pull()
  remote.cut('one')
  await fail()
  expect(log.status().shared!.failure!.nextTryMs - Date.now()).toBeLessThan(1000)
})
