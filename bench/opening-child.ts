// Prints how many milliseconds it takes to open a log for writing, until its state is read, until the last events
// of a stream are read, and until all of that stream are.
import { open } from 'memoir'
import type { Opened } from './opening.ts'
import { sums } from './sample-logs.ts'
import { childInput } from './workspace.ts'

const { path, events } = childInput<{ path: string; events: number }>()

const started = performance.now()
const log = await open(path, { projections: [sums] })
const [stream] = log.state(sums).keys()
const state = performance.now() - started
const last = await readStream({ direction: 'backwards', limit: events })
const all = await readStream({})

if (last.read === 0 || all.read < last.read) throw new Error('nothing was read')
await log.close()
const result: Opened = { state, last: last.ms, all: all.ms, streamEvents: all.read }
console.log(JSON.stringify(result))

async function readStream(options: {
  direction?: 'backwards'
  limit?: number
}): Promise<{ read: number; ms: number }> {
  let read = 0
  for await (const { version } of log.read({ ...options, ...(stream !== undefined && { stream }) })) {
    if (version > 0) read++
  }
  return { read, ms: performance.now() - started }
}
