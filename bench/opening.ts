import { type Group, goal, ratioRow } from './row.ts'
import { makeLog, sums } from './sample-logs.ts'
import { measureInTurn, median } from './statistics.ts'
import { runChild } from './workspace.ts'

const BATCH = 1000
const MOST_MS = 150
/** Of a stream, from its end: as many in both logs, though their streams are of different length. */
const EVENTS_READ = 10

/** Milliseconds from the call of `open`. */
export interface Opened {
  /** Until the state of the projection was read. */
  readonly state: number
  /** Until the last events of a stream were read. */
  readonly last: number
  /** Until all events of that stream were read. */
  readonly all: number
  readonly streamEvents: number
}

export const opening: Group = {
  rows: ['open-with-snapshot'],
  run: async (bench) => {
    const { pairs, opened } = bench.sizes
    const { few, many, streams } = opened
    bench.say(`makes logs of ${few} and ${many} events, with snapshots`)
    await makeLog(bench.path('few.git'), { events: few, streams, batch: BATCH }, { projections: [sums] })
    await makeLog(bench.path('many.git'), { events: many, streams, batch: BATCH }, { projections: [sums] })
    const results: Opened[] = []
    const openIn = async (name: string): Promise<Opened> => {
      const result = await runChild<Opened>('opening-child', { path: bench.path(name), events: EVENTS_READ })
      if (name === 'many.git') results.push(result)
      return result
    }
    const measured = await measureInTurn(
      pairs,
      async () => (await openIn('few.git')).last,
      async () => (await openIn('many.git')).last,
    )
    const number = (value: number) => value.toLocaleString('en')
    const measurement = `open with a snapshot, ${number(many)} events in ${number(streams)} streams, read state and the last ${EVENTS_READ} events of a stream`
    const limit = `the same with ${number(few)} events`
    const row = ratioRow({ id: 'open-with-snapshot', measurement, limit }, 'ms', measured, { atMost: 1.5 })
    // Without the round that warms up.
    const middle = (name: keyof Opened) => median(results.slice(-pairs).map((result) => result[name]))
    return [
      {
        ...row,
        figures: [
          ...row.figures,
          { name: 'until the state', value: middle('state'), unit: 'ms' },
          {
            name: `until all ${middle('streamEvents')} events of the stream`,
            value: middle('all'),
            unit: 'ms',
          },
        ],
        goals: [...row.goals, goal('ms', middle('last'), { atMost: MOST_MS })],
      },
    ]
  },
}
