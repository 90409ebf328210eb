import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Log, open } from 'memoir'
import { type Group, goal, type Row } from './row.ts'
import { sampleEvent } from './sample-events.ts'
import { makeLeastCommits, makeLog, makeLogOfSmallCommits, sampleText } from './sample-logs.ts'
import { measureInTurn, median, percentile, timed } from './statistics.ts'
import { git, type Workspace } from './workspace.ts'

const STREAMS = 1000
const BATCH = 1000
/** As often as a busy log maintains itself. */
const FOLDS_A_ROUND = 16
const BYTES_A_COMMIT = 1000
const TIMES_COMPRESSED = 4

/** What one-event commits cost once the repository is maintained, and what maintenance costs meanwhile. */
export const maintenance: Group = {
  rows: ['maintenance', 'maintenance-clone', 'maintenance-append'],
  run: async (bench) => {
    const { maintained: events } = bench.sizes
    bench.say(`making ${events} commits of one event, maintained`)
    let folds = 0
    let spentMs = 0
    const maintain = async (log: Log) => {
      spentMs += await timed(() => log.maintain())
    }
    const onFolded = async (log: Log) => {
      if (++folds % FOLDS_A_ROUND === 0) await maintain(log)
    }
    await makeLogOfSmallCommits(bench.path('small.git'), events, STREAMS, { loose: true, onFolded })
    await using log = await open(bench.path('small.git'), { maintenance: false })
    await maintain(log)
    return [await size(bench, log, spentMs), await cloning(bench), await appending(bench)]
  },
}

async function size({ sizes }: Workspace, log: Log, spentMs: number): Promise<Row> {
  const { maintained: events } = sizes
  const { bytes, packs } = await log.measureDisk()
  const compressed = gzipSync(sampleText(events, STREAMS), { level: 9 }).length
  const most = BYTES_A_COMMIT + (TIMES_COMPRESSED * compressed) / events
  return {
    id: 'maintenance',
    measurement: `${events} events, each in a commit of its own, in a maintained repository`,
    limit: `${BYTES_A_COMMIT} bytes a commit and ${TIMES_COMPRESSED} times the compressed lines`,
    figures: [
      { name: 'measured', value: bytes / events, unit: 'bytes a commit' },
      { name: 'limit', value: most, unit: 'bytes a commit' },
      { name: 'compressed', value: compressed / events, unit: 'bytes an event' },
      { name: 'packs', value: packs, unit: '' },
      { name: 'maintained in', value: (spentMs * 1000) / events, unit: 'µs a commit' },
    ],
    goals: [goal('bytes', bytes / events, { atMost: Math.round(most) })],
  }
}

/**
 * Bare clones through git's transport (`--no-local`), as a clone of another machine is: one of a path would only link
 * the files. Both logs are maintained. Beside them stand the log of batches as its writer leaves it, too small to be
 * maintained by itself, and what no clone that checks its objects can do without: `git index-pack` of the same packs.
 *
 * The least that any layout could have is three objects a commit: the commit, a tree, and a file with the event.
 */
async function cloning(bench: Workspace): Promise<Row> {
  const { maintained: events, pairs: count } = bench.sizes
  await makeLog(bench.path('loose.git'), { events, streams: STREAMS, batch: BATCH })
  cpSync(bench.path('loose.git'), bench.path('batches.git'), { recursive: true })
  {
    await using log = await open(bench.path('batches.git'), { maintenance: false })
    await log.maintain()
  }
  const clone = (name: string, transport: '--no-local' | '--local' = '--no-local') =>
    timed(() => {
      git('.', 'clone', '--quiet', '--bare', transport, bench.path(name), bench.path('copy.git'))
    }).finally(() => bench.remove('copy.git'))
  const rounds = Math.min(count, 3)
  const pairs = await measureInTurn(
    rounds,
    () => clone('batches.git'),
    () => clone('small.git'),
  )
  const ratios = pairs.map(({ limit, ours }) => ours / limit)
  const limit = median(pairs.map(({ limit }) => limit))
  await makeLeastCommits(bench.path('least.git'), events, STREAMS)
  const medianOf = async (task: () => Promise<number>) => {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) times.push(await task())
    return median(times)
  }
  const least = await medianOf(() => clone('least.git'))
  return {
    id: 'maintenance-clone',
    measurement: `cloning ${events} events of which each has a commit of its own, in a maintained repository`,
    limit: `the same in batches of ${BATCH}, in a maintained repository`,
    figures: [
      { name: 'measured', value: median(pairs.map(({ ours }) => ours)), unit: 'ms' },
      { name: 'limit', value: limit, unit: 'ms' },
      { name: 'limit not maintained', value: await medianOf(() => clone('loose.git')), unit: 'ms' },
      { name: 'three objects a commit', value: least, unit: 'ms' },
      { name: 'index-pack alone', value: await medianOf(() => indexPacks(bench)), unit: 'ms' },
      { name: 'local clone', value: await medianOf(() => clone('small.git', '--local')), unit: 'ms' },
    ],
    goals: [goal('ratio', median(ratios), { atMost: 3 }, least / limit)],
    spread: [Math.min(...ratios), Math.max(...ratios)],
  }
}

/** Indexes the packs of the log of small commits once more, as a clone does with what it received. */
function indexPacks(bench: Workspace): Promise<number> {
  const folder = bench.path('small.git/objects/pack')
  const packs = readdirSync(folder).filter((name) => name.endsWith('.pack'))
  return timed(() => {
    for (const name of packs) git('.', 'index-pack', '-o', bench.path('copy.idx'), join(folder, name))
  }).finally(() => bench.remove('copy.idx'))
}

/** Appends all the time while a backlog of loose objects is packed and merged. */
async function appending(bench: Workspace): Promise<Row> {
  const path = bench.path('busy.git')
  const events = Math.min(bench.sizes.maintained, 2560)
  await makeLogOfSmallCommits(path, events, STREAMS, { loose: true })
  await using log = await open(path, { maintenance: false })
  const append = async (number: number) => {
    const { stream, event } = sampleEvent(number, STREAMS)
    return timed(() => log.append(stream, [event]))
  }
  const waits: number[] = []
  let isDone = false
  const maintained = log.maintain().finally(() => {
    isDone = true
  })
  for (let number = events; !isDone; number++) waits.push(await append(number))
  const { packedObjects } = await maintained
  const without: number[] = []
  for (const _ of waits) without.push(await append(events + waits.length + without.length))
  const longest = Math.max(...waits)
  const longestWithout = Math.max(...without)
  return {
    id: 'maintenance-append',
    measurement: `appends one after the other while ${packedObjects} loose objects are packed`,
    figures: [
      { name: 'p50', value: median(waits), unit: 'ms' },
      { name: 'p99', value: percentile(waits, 0.99), unit: 'ms' },
      { name: 'longest', value: longest, unit: 'ms' },
      { name: 'longest without', value: longestWithout, unit: 'ms' },
      { name: 'appends', value: waits.length, unit: '' },
    ],
    goals: [goal('ms', longest, { atMost: 50 })],
  }
}
