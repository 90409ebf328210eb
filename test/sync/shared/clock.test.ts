import { expect, test } from 'vitest'
import { event } from '../../log/event-log-fixture.ts'
import { SharedRemote } from './shared-fixture.ts'

const DAY = 24 * 3_600_000

test('a failure keeps nobody waiting until a clock that was set back has caught up', async () => {
  const remote = await SharedRemote.create()
  let ahead = 0
  const log = await remote.open('one', { ports: { clock: { now: () => Date.now() + ahead } } })
  remote.cut('one')
  await log.append('a', [event(1)], { ack: 'committed' })
  await expect.poll(() => log.status().shared?.phase, { timeout: 10_000 }).toBe('backing off')
  ahead = -DAY
  remote.mend('one')
  await expect.poll(() => remote.commits, { timeout: 10_000 }).toBe(2)
})

test('refuses what its clock has no time for, leaves the remote alone meanwhile, and goes on', async () => {
  const remote = await SharedRemote.create()
  let isRight = true
  const log = await remote.open('one', {
    ports: { clock: { now: () => (isRight ? Date.now() : Number.NaN) } },
  })
  remote.cut('one')
  await log.append('a', [event(1)], { ack: 'committed' })
  isRight = false
  remote.mend('one')
  await expect(log.append('a', [event(2)])).rejects.toMatchObject({ code: 'clock-wrong' })
  await expect.poll(() => log.status().shared?.phase, { timeout: 10_000 }).toBe('backing off')
  isRight = true
  await log.append('a', [event(3)])
  const stored: unknown[] = []
  for await (const { data } of log.read()) stored.push(data)
  expect(stored).toEqual([{ number: 1 }, { number: 3 }])
})
