import { expect, test } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { event } from '../../log/event-log-fixture.ts'
import { SharedRemote } from './shared-fixture.ts'

const OFFLINE = { ack: 'committed' } as const

test('a repeated append that only the clone holds is confirmed when the remote has it, and no sooner', async () => {
  const remote = await SharedRemote.create()
  await (await remote.open('one')).close()
  // Of a time when this clone was the only writer.
  const alone = await open(`${remote.folder}/one.git`)
  await alone.append('a', [event(1, { id: 'one' })], { ack: 'committed' })
  await alone.close()
  remote.cut('one')
  const log = await remote.open('one')
  const commits = log.append('a', [event(1, { id: 'one' })]).then(() => remote.commits)
  await log.append('b', [event(2)], OFFLINE)
  remote.mend('one')
  expect(await commits).toBeGreaterThan(1)
})
