import type { ChildProcess } from 'node:child_process'
import { expect, test } from 'vitest'
import { LogLockedError } from '../../src/log/errors.ts'
import { open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { AFTER_A_KILL, findAnomalies } from './checker.ts'
import { History } from './history.ts'
import { forgetLocks, LATER, observe } from './observation.ts'
import { times } from './scale.ts'
import { runWriter } from './writer-process.ts'

const PROCESSES = times(8, 100)

test(`of two processes that open a log at once, one wins, ${PROCESSES} times`, async () => {
  const path = `${temporaryFolder()}/log.git`
  const history = new History()
  for (let round = 0; round < PROCESSES; round++) {
    const children: ChildProcess[] = []
    const startingGun = countdown(2)
    const ends = await Promise.all(
      ['left', 'right'].map((side) =>
        runWriter(
          { path, name: `${side}-${round}`, seed: round, clients: 1 },
          {
            unsettled: side === 'left' ? history.unsettled : [],
            go: startingGun.reached,
            onReady: startingGun.count,
            onSpawn: (child) => void children.push(child),
            // The winner is killed once the other has given up: its lock is taken over at once in the next round.
            onMessage: (_, records) => {
              if (records > 3 && children.some(({ exitCode }) => exitCode !== null)) killAll(children)
            },
          },
        ),
      ),
    )
    expect(ends.map(({ failed }) => failed).sort()).toEqual(['log-locked', undefined])
    for (const { records } of ends) for (const record of records) history.add(record)
  }
  const observation = await observe(path, { ports: { clock: LATER } })
  expect(findAnomalies(history, observation, AFTER_A_KILL)).toEqual([])
}, 600_000)

test('of two handles that open a log in one turn, one wins, 50 times', async () => {
  const path = `${temporaryFolder()}/log.git`
  await (await open(path)).close()
  for (let round = 0; round < 50; round++) {
    const opened = await Promise.allSettled([open(path), open(path)])
    const logs = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const errors: unknown[] = opened.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(errors).toEqual([expect.any(LogLockedError)])
    await Promise.all(logs.map((log: Log) => log.close()))
  }
  forgetLocks(path)
})

function killAll(children: readonly ChildProcess[]): void {
  for (const child of children) child.kill('SIGKILL')
}

/** Says when something has happened so many times. */
function countdown(times: number): { readonly reached: Promise<void>; readonly count: () => void } {
  let left = times
  let done: () => void = () => undefined
  const reached = new Promise<void>((resolve) => {
    done = resolve
  })
  return { reached, count: () => void (--left === 0 && done()) }
}
