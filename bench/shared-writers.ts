import { open } from 'memoir'
import type { Figure, Group } from './row.ts'
import { git, runChild } from './workspace.ts'

/** What a writer, a process of its own with a clone of its own, is to do. */
export interface SharedWriterOrders {
  readonly path: string
  readonly remote: string
  readonly name: string
  /** Appends of one event each that it has in flight. */
  readonly clients: number
  readonly seconds: number
  /** When all of them begin: milliseconds since 1970. */
  readonly startMs: number
}

const CLIENTS = 32
/** How long a writer may take to open its clone, for each writer there is. */
const OPENING_MS = 1500

/** Writers over one bare repository on this machine. Their pushes share its cores. */
export const sharedWriters: Group = {
  rows: ['shared-writers'],
  run: async (bench) => {
    const { counts, seconds } = bench.sizes.sharedWriters
    const figures: Figure[] = []
    for (const count of counts) {
      bench.say(`${count} writers share a remote for ${seconds} s`)
      const remote = bench.path(`remote-${count}.git`)
      await (await open(remote)).close()
      const before = Number(git(remote, 'rev-list', '--count', 'HEAD'))
      const startMs = Date.now() + OPENING_MS * (count + 1)
      const writers = Array.from({ length: count }, (_, at) => {
        const orders: SharedWriterOrders = {
          path: bench.path(`clone-${count}-${at}.git`),
          remote,
          name: `writer-${at}`,
          clients: CLIENTS,
          seconds,
          startMs,
        }
        return runChild<{ readonly appends: number }>('shared-writer-child', orders)
      })
      const appends = (await Promise.all(writers)).map((writer) => writer.appends)
      const total = appends.reduce((sum, one) => sum + one)
      const commits = Number(git(remote, 'rev-list', '--count', 'HEAD')) - before
      figures.push(
        { name: `${count}: appends`, value: total / seconds, unit: '/s' },
        { name: `${count}: a commit`, value: total / commits, unit: 'appends' },
        { name: `${count}: slowest share`, value: (Math.min(...appends) * count) / total, unit: '' },
      )
    }
    return [
      {
        id: 'shared-writers',
        measurement: `${counts.join(', ')} processes append to one bare repository, ${CLIENTS} appends of one event in flight each`,
        figures,
        goals: [],
      },
    ]
  },
}
