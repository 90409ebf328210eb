// Prints how many milliseconds it takes to open a clone that has no snapshot: to read, check and index all
// events, and to fold them into one projection.
import { open } from 'memoir'
import type { ReplayInput } from './replay.ts'
import { deposits, sums } from './sample-logs.ts'
import { childInput } from './workspace.ts'

const { path, projection } = childInput<ReplayInput>()
const wanted = { sums, deposits }[projection]

const started = performance.now()
const log = await open(path, { readOnly: true, projections: [wanted] })
const ms = performance.now() - started

if (log.state(wanted).size === 0) throw new Error('nothing was replayed')
await log.close()
console.log(ms)
