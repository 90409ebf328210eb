import { describe, expect, test } from 'vitest'
import { times } from '../crash/scale.ts'
import { whyNoNamespaces } from './namespaces.ts'
import { createWorld } from './world.ts'

const missing = whyNoNamespaces()
const ROUNDS = times(1, 40)

describe.runIf(missing === undefined)(
  `between two namespaces${missing ? `, skipped: ${missing}` : ''}`,
  () => {
    test('an unplugged cable holds up pushes and replicas, and loses nothing', async () => {
      const world = await createWorld()
      for (let round = 0; round < ROUNDS; round++) {
        world.namespaces.unplug()
        await world.ask({ action: 'append' })
        expect(await world.ask({ action: 'push' })).toMatchObject({ failure: 'network' })
        await world.check()
        world.namespaces.plugIn()
        await world.settle()
      }
      await world.end()
    }, 3_600_000)

    test('a cable that is unplugged while a push is under way loses nothing', async () => {
      const world = await createWorld()
      for (let round = 0; round < 2 * ROUNDS; round++) {
        await world.ask({ action: 'append', bytes: 400_000 })
        const begun = world.nextRequest()
        const pushed = world.ask({ action: 'push' })
        await begun
        world.namespaces.unplug()
        // Every second time it is back before git gives up.
        if (round % 2 === 0) world.namespaces.plugIn()
        await pushed
        await world.check()
        world.namespaces.plugIn()
        await world.settle()
      }
      await world.end()
    }, 3_600_000)

    test.each([
      ['30 % of the packets to be lost', 'lose', 30],
      ['2 % of the packets to be reset', 'reset', 2],
    ] as const)(
      'a cable that lets %s delays pushes and replicas, and loses nothing',
      async (_, fault, percent) => {
        const world = await createWorld()
        world.namespaces[fault](percent)
        for (let round = 0; round < ROUNDS; round++) {
          await world.ask({ action: 'append', bytes: 5_000 })
          await world.ask({ action: 'push' })
          await world.check()
        }
        world.namespaces.mend()
        await world.settle()
        await world.end()
      },
      3_600_000,
    )
  },
)
