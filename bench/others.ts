import fs, { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'memoir'
import { perSecond } from './limits.ts'
import { measurePostgres, POSTGRES } from './postgres.ts'
import type { Group, Row } from './row.ts'
import { type SampleRecord, sampleEvents, sampleRecords } from './sample-events.ts'
import { measureSqlite, SQLITE } from './sqlite.ts'
import { timed } from './statistics.ts'
import { git, type Workspace } from './workspace.ts'

const STREAMS = 1000
export const BATCH = 100

/** What a store is given to append: so many single records, then so many batches. */
export interface Appends {
  readonly singles: readonly SampleRecord[]
  readonly batches: readonly (readonly SampleRecord[])[]
}

/** Events a second. */
export interface Throughput {
  readonly singles: number
  readonly batches: number
}

/** The same appends, each durable before the next, into Memoir and into the stores of others, side by side. */
export const others: Group = {
  rows: [
    'others-memoir',
    'others-memoir-committed',
    'others-git',
    'others-isomorphic-git',
    'others-sqlite',
    'others-postgresql',
  ],
  run: async (bench) => {
    const { commits, transactions } = bench.sizes.others
    const few = appends(commits)
    const many = appends(transactions)
    return [
      row('others-memoir', 'Memoir, journaled', await measureMemoir(bench, many, 'journaled')),
      row('others-memoir-committed', 'Memoir, committed', await measureMemoir(bench, few, 'committed')),
      row('others-git', "git's command line: add, commit", await measureGit(bench, few)),
      row('others-isomorphic-git', 'isomorphic-git: add, commit', await measureIsomorphicGit(bench, few)),
      row('others-sqlite', SQLITE, await measureSqlite(bench, many)),
      row('others-postgresql', POSTGRES, await measurePostgres(bench, many)),
    ]
  },
}

function row(id: string, store: string, result: Throughput | string): Row {
  const measurement = `the same appends, one after the other: ${store}`
  if (typeof result === 'string') return { id, measurement, figures: [], goals: [], skipped: result }
  const figures = [
    { name: 'one event', value: result.singles, unit: 'events/s' },
    { name: `${BATCH} events`, value: result.batches, unit: 'events/s' },
  ]
  return { id, measurement, figures, goals: [] }
}

function appends(count: number): Appends {
  const batches = Math.ceil(count / 10)
  const records = sampleRecords(count + batches * BATCH, STREAMS)
  const rest = records.slice(count)
  return {
    singles: records.slice(0, count),
    batches: Array.from({ length: batches }, (_, at) => rest.slice(at * BATCH, (at + 1) * BATCH)),
  }
}

/** Measures a store that is given one list of records at a time, and is done when they are safe. */
export async function throughput(
  { singles, batches }: Appends,
  append: (records: readonly SampleRecord[]) => unknown,
): Promise<Throughput> {
  const rate = async (lists: readonly (readonly SampleRecord[])[]) => {
    const ms = await timed(async () => {
      for (const list of lists) await append(list)
    })
    return perSecond(
      lists.reduce((sum, list) => sum + list.length, 0),
      ms,
    )
  }
  return { singles: await rate(singles.map((record) => [record])), batches: await rate(batches) }
}

async function measureMemoir(
  bench: Workspace,
  given: Appends,
  ack: 'journaled' | 'committed',
): Promise<Throughput> {
  await using log = await open(bench.path(`memoir-${ack}.git`))
  const [{ event, stream }] = sampleEvents(1, STREAMS) as [ReturnType<typeof sampleEvents>[number]]
  await log.append(stream, [event], { ack })
  return await throughput(given, (records) => {
    const events = records.map(({ type, data, metadata = {} }) => ({ type, data, metadata }))
    return log.append(records[0]!.stream, events, { ack })
  })
}

function linesOf(records: readonly SampleRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}

/** A file for each append, as the format has it, below a work tree. */
class BatchFiles {
  private position = 1

  constructor(private readonly folder: string) {
    mkdirSync(join(folder, 'events'), { recursive: true })
  }

  write(records: readonly SampleRecord[]): string {
    const file = join('events', `${String(this.position).padStart(12, '0')}.jsonl`)
    writeFileSync(join(this.folder, file), linesOf(records))
    this.position += records.length
    return file
  }
}

function measureGit(bench: Workspace, given: Appends): Promise<Throughput> {
  const folder = bench.path('git')
  mkdirSync(folder)
  git(folder, 'init', '-q')
  // As durable as git can be told to be; it syncs no directory.
  git(folder, 'config', 'core.fsync', 'all')
  const files = new BatchFiles(folder)
  return throughput(given, (records) => {
    git(folder, 'add', files.write(records))
    git(folder, 'commit', '-q', '-m', `Append ${records.length} events`)
  })
}

async function measureIsomorphicGit(bench: Workspace, given: Appends): Promise<Throughput> {
  const { default: isomorphic } = await import('isomorphic-git')
  const dir = bench.path('isomorphic')
  await isomorphic.init({ fs, dir })
  const files = new BatchFiles(dir)
  const author = { name: 'Bench', email: 'bench@localhost' }
  const cache = {}
  return await throughput(given, async (records) => {
    await isomorphic.add({ fs, dir, filepath: files.write(records), cache })
    await isomorphic.commit({ fs, dir, message: `Append ${records.length} events`, author, cache })
  })
}
