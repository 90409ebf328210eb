import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { clone, open } from '../../src/memoir.ts'
import { restore } from '../../src/restore.ts'
import { fsck, git, temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { type Neighbourhood, Neighbours } from './neighbours.ts'
import { observe } from './observation.ts'
import { Random } from './random.ts'
import { times } from './scale.ts'
import { tallies } from './tally.ts'
import { runWriter } from './writer-process.ts'

const CYCLES = times(4, 300)
const CYCLES_A_LOG = 20
/** In milliseconds, from the moment at which it begins to work. */
const LONGEST_LIFE = 4000

test(
  `a writer that pushes and maintains, killed ${CYCLES} times beside backups, pulls and git's housekeeping, loses and invents nothing`,
  async () => {
    const random = new Random(Date.now())
    for (let cycle = 0; cycle < CYCLES; ) {
      const folder = temporaryFolder()
      const place = {
        log: `${folder}/log.git`,
        mirror: `${folder}/mirror.git`,
        replica: `${folder}/replica.git`,
        backup: `${folder}/backup`,
        clone: `${folder}/clone`,
      }
      const { log, mirror } = place
      await begin(place)
      const history = new History()
      for (const end = Math.min(cycle + CYCLES_A_LOG, CYCLES); cycle < end; cycle++) {
        const life = LONGEST_LIFE / 8 + random.below(LONGEST_LIFE)
        const neighbours = new Neighbours(place, random)
        let timer: NodeJS.Timeout | undefined
        const ended = await runWriter(
          {
            path: log,
            mirror,
            name: `writer-${cycle}`,
            seed: random.below(2 ** 31),
            clients: 4,
            maintain: random.chance(0.5),
            fillerLength: random.pick([20, 200, 4000]),
            sealBytes: random.pick([2000, 20_000, 400_000]),
          },
          {
            unsettled: history.unsettled,
            onReady: (child) => {
              timer = setTimeout(() => child.kill('SIGKILL'), life)
            },
          },
        )
        clearTimeout(timer)
        expect(ended).toMatchObject({ failed: undefined, signal: 'SIGKILL' })
        for (const record of ended.records) history.add(record)
        // Before git looks at all of it: its fsck calls a pack missing that is merged into another meanwhile.
        await neighbours.end()
        expect(findAnomalies(history, await observe(log), AFTER_A_KILL), `cycle ${cycle}`).toEqual([])
        expect(neighbours.complaints, `cycle ${cycle}`).toEqual([])
      }
      await expectEqualCopies(place, `${folder}/restored.git`)
      rmSync(folder, { recursive: true, force: true })
    }
  },
  CYCLES * 30_000,
)

/** A log, so far without an event, and a replica of it, so that there is something to pull to. */
async function begin({ log: path, mirror, replica }: Neighbourhood): Promise<void> {
  git('.', ['init', '--bare', '--quiet', '--initial-branch=main', mirror])
  await using log = await open(path)
  await log.push(mirror)
  await using copy = await clone(mirror, replica)
  expect(copy.status().events).toBe(0)
}

/** The copies hold a part of the log, and all of it once they are brought up to date. */
async function expectEqualCopies(
  { log: path, mirror, replica, backup }: Neighbourhood,
  restored: string,
): Promise<void> {
  await using log = await open(path, { projections: [tallies] })
  await log.push(mirror)
  await log.backup(backup)
  await restore(backup, restored)
  await using follower = await open(replica)
  await follower.pull()
  for (const copy of [mirror, replica, restored]) {
    await using other = await open(copy, { readOnly: true, projections: [tallies] })
    expect(other.state(tallies), copy).toEqual(log.state(tallies))
    expect(fsck(copy), copy).toBe('')
  }
}
