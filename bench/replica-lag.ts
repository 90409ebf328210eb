import { follow, open, projection } from 'memoir'
import type { Group } from './row.ts'
import { TYPES } from './sample-events.ts'
import { percentile } from './statistics.ts'
import { git, runChild } from './workspace.ts'

/** What the writer, a process of its own, is to do. */
export interface WriterOrders {
  readonly path: string
  readonly remote: string
  readonly perSecond: number
  readonly seconds: number
  /** It pushes so often at most: a push takes along all that is committed. */
  readonly pushMs: number
}

const PER_SECOND = 1000
const PUSH_MS = 1000
const CATCH_UP_MS = 120_000

/** How long after its time each event came into an image: its replica's, all replicas together. */
interface Lags {
  count: number
  readonly ms: number[]
}

function lagsOf(name: string) {
  const note = (state: Lags, { time }: { readonly time: string }) => {
    state.count++
    state.ms.push(Date.now() - Date.parse(time))
  }
  return projection<Lags>({
    name,
    version: 1,
    init: () => ({ count: 0, ms: [] }),
    when: Object.fromEntries(TYPES.map((type) => [type, note])),
  })
}

/** Replicas in this process, of one bare repository that a writer in another pushes to. */
export const replicaLag: Group = {
  rows: ['replica-lag'],
  run: async (bench) => {
    const { count, seconds } = bench.sizes.replicas
    const [path, remote] = [bench.path('writer.git'), bench.path('remote.git')]
    git('.', 'init', '--quiet', '--bare', '--initial-branch=main', remote)
    {
      await using log = await open(path)
      await log.push(remote)
    }
    const opened = Array.from({ length: count }, async (_, at) => {
      const lags = lagsOf(`lags-${at}`)
      const options = { projections: [lags], stateDirectory: bench.path('state') }
      return { lags, replica: await follow(remote, bench.path(`replica-${at}.git`), options) }
    })
    const replicas = await Promise.all(opened)
    try {
      bench.say(`${count} replicas follow ${PER_SECOND} events a second for ${seconds} s`)
      const orders: WriterOrders = { path, remote, perSecond: PER_SECOND, seconds, pushMs: PUSH_MS }
      const written = await runChild<{ last: number; pushes: number }>('replica-writer-child', orders)
      const ended = performance.now()
      const caughtUpTo = { signal: AbortSignal.timeout(CATCH_UP_MS) }
      for (const { replica } of replicas) await replica.waitFor(written.last, caughtUpTo)
      const caughtUp = performance.now() - ended
      const commits = new Set(replicas.map(({ replica }) => replica.status().commit))
      const states = replicas.map(({ replica, lags }) => replica.state(lags))
      if (commits.size !== 1 || states.some((state) => state.count !== written.last)) {
        throw new Error(`the replicas differ: they stand at ${[...commits].join(', ')}`)
      }
      const ms = states.flatMap((state) => state.ms)
      return [
        {
          id: 'replica-lag',
          measurement: `${count} replicas in one process, a writer at ${PER_SECOND} events/s that pushes every ${PUSH_MS} ms at most: from an event's time until it is in an image, p99`,
          figures: [
            { name: 'p99', value: percentile(ms, 0.99), unit: 'ms' },
            { name: 'p50', value: percentile(ms, 0.5), unit: 'ms' },
            { name: 'at worst', value: percentile(ms, 1), unit: 'ms' },
            { name: 'all equal after the last push', value: caughtUp, unit: 'ms' },
            { name: 'events', value: written.last, unit: '' },
            { name: 'pushes', value: written.pushes, unit: '' },
          ],
          goals: [],
        },
      ]
    } finally {
      await Promise.all(replicas.map(({ replica }) => replica.close()))
    }
  },
}
