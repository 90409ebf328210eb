// Prints how many milliseconds JSON.parse takes for the lines of a file, which are in memory before.
import { readFileSync } from 'node:fs'
import type { SampleRecord } from './sample-events.ts'
import { childInput } from './workspace.ts'

const { path } = childInput<{ path: string }>()
const lines = readFileSync(path, 'latin1').split('\n').slice(0, -1)

let versions = 0
const started = performance.now()
for (const line of lines) {
  const record: SampleRecord = JSON.parse(line)
  versions += record.version
}
const ms = performance.now() - started

if (versions === 0) throw new Error('nothing was parsed')
console.log(ms)
