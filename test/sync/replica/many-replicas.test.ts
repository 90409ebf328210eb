import { join } from 'node:path'
import { expect, test } from 'vitest'
import { follow } from '../../../src/follow.ts'
import { open } from '../../../src/memoir.ts'
import { balances, depositTo, Scene, soon } from './replica-fixture.ts'

const REPLICAS = 5
const COMMITS = 20

test(`${REPLICAS} replicas of one remote are all equal to it when the writer rests`, async () => {
  const scene = new Scene()
  await scene.deposit(1)
  const { remote, stateDirectory, folder } = scene
  const replicas = await Promise.all(
    Array.from({ length: REPLICAS }, (_, at) =>
      follow(remote, join(folder, `replica-${at}.git`), { projections: [balances], stateDirectory }),
    ),
  )
  try {
    await using log = await open(remote, { projections: [balances] })
    const last = await depositTo(log, ...Array.from({ length: COMMITS }, (_, at) => at))
    await Promise.all(replicas.map((replica) => replica.waitFor(last, soon(30_000))))
    for (const replica of replicas) {
      expect(replica.state(balances)).toEqual(log.state(balances))
      expect(replica.status().commit).toBe(log.status().commit)
    }
  } finally {
    await Promise.all(replicas.map((replica) => replica.close()))
  }
}, 60_000)
