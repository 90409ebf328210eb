import { writeFileSync } from 'node:fs'
import { findPackedBatches } from './packed-batches.ts'
import { type Group, type Row, ratioRow, withLeast } from './row.ts'
import { cloneRepacked, makeLog, makeLogOfSmallCommits, sampleText } from './sample-logs.ts'
import { measureInTurn, median } from './statistics.ts'
import { runChild, type Workspace } from './workspace.ts'

const STREAMS = 1000
const BATCH = 1000

/** What a replay in a process of its own is asked for. */
export interface ReplayInput {
  readonly path: string
  readonly projection: 'sums' | 'deposits'
}

/** What the bare program is asked for. */
export interface BareReplayInput {
  /** A file with the `PackedBatches`. */
  readonly path: string
  readonly events: number
  /** The one type that the projection handles; absent: it handles all. */
  readonly wanted?: string
}

export const replay: Group = {
  rows: ['replay', 'replay-one-type', 'replay-folded'],
  run: async (bench) => {
    const { replayed } = bench.sizes
    bench.say(`makes a log of ${replayed} events, and clones it`)
    await makeLog(bench.path('log.git'), { events: replayed, streams: STREAMS, batch: BATCH })
    cloneRepacked(bench.path('log.git'), bench.path('clone.git'))
    writeFileSync(bench.path('batches'), JSON.stringify(findPackedBatches(bench.path('clone.git'))))
    return [await replayAll(bench), await replayOneType(bench), await replayFolded(bench)]
  },
}

async function replayAll(bench: Workspace): Promise<Row> {
  const { pairs, replayed } = bench.sizes
  const lines = bench.path('lines')
  writeFileSync(lines, sampleText(replayed, STREAMS))
  const measured = await measureInTurn(
    pairs,
    () => runChild<number>('parse-child', { path: lines }),
    () => replayIn(bench.path('clone.git'), 'sums'),
  )
  const measurement = `replay of ${replayed.toLocaleString('en')} events from a repacked clone, every event's data read, cold`
  const row = ratioRow({ id: 'replay', measurement, limit: 'JSON.parse of the same lines' }, 'ms', measured, {
    atMost: 1.25,
  })
  return withLeast(row, 'bare program', await bareReplay(bench))
}

async function replayOneType(bench: Workspace): Promise<Row> {
  const path = bench.path('clone.git')
  const measured = await measureInTurn(
    bench.sizes.pairs,
    () => replayIn(path, 'sums'),
    () => replayIn(path, 'deposits'),
  )
  const measurement = 'replay for a projection of one type in 24'
  const row = ratioRow({ id: 'replay-one-type', measurement, limit: 'the full replay' }, 'ms', measured, {
    atMost: 0.33,
  })
  return withLeast(row, 'bare program', await bareReplay(bench, 'MoneyDeposited'))
}

/** How long the bare program takes, in milliseconds: the median of some cold runs. */
async function bareReplay(bench: Workspace, wanted?: string): Promise<number> {
  const { pairs, replayed } = bench.sizes
  const input: BareReplayInput = { path: bench.path('batches'), events: replayed, ...(wanted && { wanted }) }
  const times: number[] = []
  for (let round = 0; round < pairs; round++) times.push(await runChild<number>('bare-replay-child', input))
  return median(times)
}

async function replayFolded(bench: Workspace): Promise<Row> {
  const { pairs, folded } = bench.sizes
  bench.say(`makes a log of ${folded} events, one a commit, folds it as it grows, and clones it`)
  await makeLogOfSmallCommits(bench.path('small.git'), folded, STREAMS)
  cloneRepacked(bench.path('small.git'), bench.path('small-clone.git'))
  await makeLog(bench.path('large.git'), { events: folded, streams: STREAMS, batch: BATCH })
  cloneRepacked(bench.path('large.git'), bench.path('large-clone.git'))
  const measured = await measureInTurn(
    pairs,
    () => replayIn(bench.path('large-clone.git'), 'sums'),
    () => replayIn(bench.path('small-clone.git'), 'sums'),
  )
  const measurement = `replay of ${folded.toLocaleString('en')} events appended one a commit, after folding`
  const limit = `the same in batches of ${BATCH.toLocaleString('en')}`
  return ratioRow({ id: 'replay-folded', measurement, limit }, 'ms', measured, { atMost: 1.3 })
}

function replayIn(path: string, projection: ReplayInput['projection']): Promise<number> {
  const input: ReplayInput = { path, projection }
  return runChild<number>('replay-child', input)
}
