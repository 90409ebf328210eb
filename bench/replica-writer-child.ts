// Appends so many events a second, and pushes what is committed, one push after the other. Prints the last position.
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'memoir'
import type { WriterOrders } from './replica-lag.ts'
import { sampleEvents } from './sample-events.ts'
import { childInput } from './workspace.ts'

const { path, remote, perSecond, seconds, pushMs } = childInput<WriterOrders>()
const STEP_MS = 10
const STREAMS = 1000

await using log = await open(path)
const step = Math.round((perSecond * STEP_MS) / 1000)
const started = performance.now()
let appended = 0
let pushes = 0
let isDone = false

async function pushAgainAndAgain(): Promise<void> {
  while (!isDone) {
    const pushed = performance.now()
    await log.push(remote)
    pushes++
    await delay(Math.max(0, pushMs - (performance.now() - pushed)))
  }
}

const pushing = pushAgainAndAgain()
while (performance.now() - started < seconds * 1000) {
  // After a pause it catches up, so that the rate holds.
  const due = Math.floor((performance.now() - started) / STEP_MS) * step
  for (; appended < due; appended += step) {
    const events = sampleEvents(step, STREAMS, appended)
    await Promise.all(events.map(({ stream, event }) => log.append(stream, [event])))
  }
  await delay(STEP_MS)
}
isDone = true
await pushing
await log.push(remote)
console.log(JSON.stringify({ last: log.status().events, pushes: pushes + 1 }))
