// Prints what a log takes in memory when a fifth of the events are appended, and when all are.
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'memoir'
import { appendAll, IN_FLIGHT } from './append.ts'
import type { MemoryUse } from './memory.ts'
import { sampleEvents } from './sample-events.ts'
import { childInput, usedMemory } from './workspace.ts'

const { path, events } = childInput<{ path: string; events: number }>()
const STREAMS = 1000
const STEP = events / 5
const LOOKS = 10
const BETWEEN_LOOKS_MS = 100

await using log = await open(path)

async function appendOneFifth(from: number): Promise<void> {
  await appendAll(
    log,
    sampleEvents(STEP, STREAMS, from).map((event) => [event]),
    IN_FLIGHT,
  )
  await log.seal()
}

/** The least of several looks: a snapshot that is being written goes, what has grown stays. */
async function measure(): Promise<MemoryUse> {
  const { events: appended, indexBytes } = log.status()
  let used = usedMemory()
  for (let look = 0; look < LOOKS; look++) {
    await delay(BETWEEN_LOOKS_MS)
    used = Math.min(used, usedMemory())
  }
  return { used, index: indexBytes, events: appended }
}

await appendOneFifth(0)
const early = await measure()
for (let fifth = 1; fifth < 5; fifth++) await appendOneFifth(fifth * STEP)
console.log(JSON.stringify([early, await measure()]))
