import { type Log, open } from 'memoir'
import { type Group, goal } from './row.ts'
import { type SampleEvent, sampleEvent } from './sample-events.ts'
import { median, timed } from './statistics.ts'
import { git } from './workspace.ts'

const STREAMS = 1000
const MOST = 1.3

interface Window {
  /** Milliseconds of a seal, the median. */
  readonly ms: number
  /** Bytes of new objects on the disk, for each seal. */
  readonly bytes: number
}

/** Seals one event at a time, in real commits, and compares late ones with early ones. */
export const seal: Group = {
  rows: ['seal'],
  run: async (bench) => {
    const { early, late, window } = bench.sizes.seals
    const path = bench.path('log.git')
    // Nothing is sealed but when asked to, so each event gets its own commit.
    await using log = await open(path, { seal: { afterMs: 1_000_000 } })
    let sealed = 0
    const sealUpTo = async (count: number): Promise<number[]> => {
      const times: number[] = []
      for (; sealed < count; sealed++) times.push(await sealOne(log, sampleEvent(sealed, STREAMS)))
      return times
    }
    const windowAt = async (number: number): Promise<Window> => {
      await sealUpTo(number - window)
      const before = log.status().commit
      const times = await sealUpTo(number)
      const range = `${before}..${log.status().commit}`
      const bytes = Number(git(path, 'rev-list', '--objects', '--disk-usage', range)) / window
      return { ms: median(times), bytes }
    }
    const first = await windowAt(early)
    bench.say(`seals ${late} times`)
    const last = await windowAt(late)
    const number = (value: number) => value.toLocaleString('en')
    return [
      {
        id: 'seal',
        measurement: `a seal as commit ${number(late - window)} to ${number(late)}, folds included`,
        limit: `as commit ${number(early - window)} to ${number(early)}`,
        figures: [
          { name: 'measured', value: last.ms, unit: 'ms' },
          { name: 'limit', value: first.ms, unit: 'ms' },
          { name: 'measured', value: last.bytes, unit: 'bytes' },
          { name: 'limit', value: first.bytes, unit: 'bytes' },
        ],
        goals: [
          goal('ratio of time', last.ms / first.ms, { atMost: MOST }),
          goal('ratio of bytes', last.bytes / first.bytes, { atMost: MOST }),
        ],
      },
    ]
  },
}

async function sealOne(log: Log, { stream, event }: SampleEvent): Promise<number> {
  await log.append(stream, [event])
  return await timed(() => log.seal())
}
