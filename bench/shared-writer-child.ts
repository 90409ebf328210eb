// Appends to a remote that others append to as well, for some seconds. Prints how many appends were confirmed by then.
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'memoir'
import { sampleEvents } from './sample-events.ts'
import type { SharedWriterOrders } from './shared-writers.ts'
import { childInput } from './workspace.ts'

const { path, remote, name, clients, seconds, startMs } = childInput<SharedWriterOrders>()
const log = await open(path, { mode: 'shared', remote })
await delay(Math.max(0, startMs - Date.now()))
const endMs = startMs + seconds * 1000
let appends = 0

async function appendUntilTheEnd(client: number): Promise<void> {
  for (let version = 0; Date.now() < endMs; version++) {
    const [sample] = sampleEvents(1, 1, version)
    await log.append(`${name}-${client}`, [sample!.event], { expectedVersion: version })
    if (Date.now() < endMs) appends++
  }
}

await Promise.all(Array.from({ length: clients }, (_, client) => appendUntilTheEnd(client)))
await log.close()
console.log(JSON.stringify({ appends }))
