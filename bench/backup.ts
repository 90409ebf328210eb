import { readdirSync, statSync } from 'node:fs'
import { open } from 'memoir'
import type { Group, Row } from './row.ts'
import { appendBatches } from './sample-logs.ts'
import { measureInTurn, median, type Pair, timed } from './statistics.ts'
import { git } from './workspace.ts'

const MAIN = 'refs/heads/main'
const STREAMS = 1000
const BATCH = 20

/** Backs up the same commits, by git alone and by Memoir: all of them, and then one more. */
export const backup: Group = {
  rows: ['backup', 'backup-increment'],
  run: async (bench) => {
    const { commits, rounds } = bench.sizes.transfers
    const path = bench.path('log.git')
    await using log = await open(path, { seal: { afterMs: 1_000_000 }, maintenance: false })
    const append = async () => {
      await appendBatches(log, { events: BATCH, streams: STREAMS, batch: BATCH })
      await log.seal()
    }
    for (let made = 0; made < commits; made++) await append()

    const bundle = (...revisions: readonly string[]) =>
      timed(() => git(path, 'bundle', 'create', '--quiet', bench.path('git.bundle'), ...revisions))
    let folders = 0
    const folder = () => bench.path(`backup-${folders++}`)
    const whole = await measureInTurn(
      rounds,
      () => bundle(MAIN),
      () => timed(() => log.backup(folder())),
    )
    const bundleBytes = statSync(bench.path('git.bundle')).size
    const ownBytes = sizeOf(bench.path('backup-0'))

    const directory = folder()
    await log.backup(directory)
    const increments = await measureInTurn(
      rounds,
      async () => {
        await append()
        return bundle(MAIN, `^${MAIN}~1`)
      },
      () => timed(() => log.backup(directory)),
    )
    const limit = 'git bundle create'
    return [
      row({ id: 'backup', measurement: `backup of ${commits} commits of ${BATCH} events`, limit }, whole, [
        { name: 'bytes', value: ownBytes, unit: 'bytes' },
        { name: 'bytes of the limit', value: bundleBytes, unit: 'bytes' },
      ]),
      row({ id: 'backup-increment', measurement: 'backup of one commit more', limit }, increments, []),
    ]
  },
}

function row(
  names: Pick<Row, 'id' | 'measurement'> & { readonly limit: string },
  pairs: readonly Pair[],
  more: Row['figures'],
): Row {
  const ratios = pairs.map(({ limit, ours }) => ours / limit)
  return {
    ...names,
    figures: [
      { name: 'measured', value: median(pairs.map(({ ours }) => ours)), unit: 'ms' },
      { name: 'limit', value: median(pairs.map(({ limit }) => limit)), unit: 'ms' },
      { name: 'ratio', value: median(ratios), unit: '' },
      ...more,
    ],
    goals: [],
    spread: [Math.min(...ratios), Math.max(...ratios)],
  }
}

function sizeOf(folder: string): number {
  const bundles = readdirSync(folder).filter((name) => name.endsWith('.bundle'))
  return bundles.reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0)
}
