import { type Group, goal, type Row } from './row.ts'
import { cloneRepacked, makeLog } from './sample-logs.ts'
import { runChild, type Workspace } from './workspace.ts'

const BATCH = 1000
const MOST_BYTES_AN_EVENT = 64
/** What the heap moves by from one look to the next, as a tolerance. */
const NOISE_BYTES = 4 << 20

export interface MemoryUse {
  /** All memory in use, in bytes. */
  readonly used: number
  /** What the index says it takes, in bytes. */
  readonly index: number
  readonly events: number
}

export const memory: Group = {
  rows: ['index-memory', 'flat-memory'],
  run: async (bench) => [await indexMemory(bench), await flatMemory(bench)],
}

async function indexMemory(bench: Workspace): Promise<Row> {
  const { events, streams } = bench.sizes.indexed
  bench.say(`makes a log of ${events} events`)
  await makeLog(bench.path('empty.git'), { events: 0, streams, batch: BATCH })
  await makeLog(bench.path('log.git'), { events, streams, batch: BATCH })
  // A clone has no snapshot: its index is made from the events and has the slack of one that grew.
  cloneRepacked(bench.path('log.git'), bench.path('clone.git'))
  const paths = { empty: bench.path('empty.git'), full: bench.path('clone.git') }
  const [empty, full] = await runChild<[MemoryUse, MemoryUse]>('index-memory-child', paths)
  const bytes = (full.used - empty.used) / events
  const number = (value: number) => value.toLocaleString('en')
  return {
    id: 'index-memory',
    measurement: `memory of an open log without projections, ${number(events)} events in ${number(streams)} streams, beyond an empty one`,
    figures: [
      { name: 'measured', value: bytes, unit: 'bytes/event' },
      { name: 'columns and table alone', value: full.index / events, unit: 'bytes/event' },
    ],
    goals: [goal('bytes/event', bytes, { atMost: MOST_BYTES_AN_EVENT })],
  }
}

async function flatMemory(bench: Workspace): Promise<Row> {
  const events = bench.sizes.flat
  bench.say(`appends ${events} events and watches memory`)
  const input = { path: bench.path('flat.git'), events }
  const [early, late] = await runChild<[MemoryUse, MemoryUse]>('flat-memory-child', input)
  const growth = late.used - early.used - (late.index - early.index)
  const number = (value: number) => value.toLocaleString('en')
  return {
    id: 'flat-memory',
    measurement: `growth of memory beyond the index, from ${number(early.events)} to ${number(late.events)} appended events`,
    figures: [{ name: 'measured', value: growth / 2 ** 20, unit: 'MiB' }],
    goals: [goal('MiB', growth / 2 ** 20, { atMost: NOISE_BYTES / 2 ** 20 })],
  }
}
