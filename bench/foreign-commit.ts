import { renameSync, writeFileSync } from 'node:fs'
import { open } from 'memoir'
import { readWithGit } from './limits.ts'
import { type Group, goal, ratioRow } from './row.ts'
import { sampleRecords } from './sample-events.ts'
import { commitOf, fastImport, sums } from './sample-logs.ts'
import { median, type Pair } from './statistics.ts'
import { git } from './workspace.ts'

const STREAMS = 1000
const BATCH = 100
const MOST_MS = 100
const FIRST_FILE = 'events/000000/000000000001.jsonl'

/** Commits of others, made beforehand on a branch of their own; the log's branch is moved from one to the next. */
export const foreignCommit: Group = {
  rows: ['foreign-commit'],
  run: async (bench) => {
    const count = bench.sizes.foreignCommits + 1
    const path = bench.path('log.git')
    await (await open(path)).close()
    const lines = sampleRecords(count * BATCH, STREAMS).map((record) => `${JSON.stringify(record)}\n`)
    const commits = Array.from({ length: count }, (_, at) => {
      const parent = at === 0 ? 'refs/heads/main' : undefined
      const text = lines.slice(at * BATCH, (at + 1) * BATCH).join('')
      return commitOf(at * BATCH + 1, text, parent, 'refs/heads/others')
    })
    await fastImport(path, `${commits.join('')}done\n`)
    const oids = git(path, 'rev-list', '--reverse', 'refs/heads/main..refs/heads/others').split('\n')

    await using log = await open(path, { projections: [sums] })
    const follow = async (at: number): Promise<number> => {
      writeFileSync(bench.path('next'), `${oids[at]}\n`)
      const seen = log.waitFor((at + 1) * BATCH, { signal: AbortSignal.timeout(10_000) })
      const started = performance.now()
      renameSync(bench.path('next'), `${path}/refs/heads/main`)
      await seen
      return performance.now() - started
    }
    // The first one waits for file events to be in place.
    await follow(0)
    const pairs: Pair[] = []
    for (let at = 1; at < count; at++) {
      pairs.push({ limit: await readWithGit(path, FIRST_FILE), ours: await follow(at) })
    }
    const measurement = `a foreign commit of ${BATCH} events until it is in the image, p50`
    const limit = 'git rev-parse + git cat-file blob'
    const row = ratioRow({ id: 'foreign-commit', measurement, limit }, 'ms', pairs, { atMost: 2 })
    return [
      {
        ...row,
        goals: [...row.goals, goal('ms', median(pairs.map(({ ours }) => ours)), { atMost: MOST_MS })],
      },
    ]
  },
}
