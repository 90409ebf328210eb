import { type Log, open } from 'memoir'
import { type Group, goal } from './row.ts'
import { sampleEvent } from './sample-events.ts'
import { median, type Pair, timed } from './statistics.ts'
import { git } from './workspace.ts'

const STREAMS = 1000
const MOST = 1.3

/**
 * Seals one event at a time, in real commits, and compares late ones with early ones, in turn.
 *
 * Neither log is maintained: that has rows of its own, and would remove in two minutes what a log of such a length
 * removes in days.
 */
export const seal: Group = {
  rows: ['seal'],
  run: async (bench) => {
    const { early, late, window } = bench.sizes.seals
    await using long = await SealedLog.create(bench.path('long.git'))
    await using short = await SealedLog.create(bench.path('short.git'))
    bench.say(`seals ${late} times`)
    await long.sealUpTo(late - window)
    await short.sealUpTo(early - window)
    const before = { long: long.commit, short: short.commit }
    const seals: Pair[] = []
    for (let count = 0; count < window; count++) {
      seals.push({ limit: await short.sealOne(), ours: await long.sealOne() })
    }
    const last = { ms: median(seals.map(({ ours }) => ours)), bytes: long.bytesSince(before.long) / window }
    const first = {
      ms: median(seals.map(({ limit }) => limit)),
      bytes: short.bytesSince(before.short) / window,
    }
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

/** A log in which each event gets a commit of its own, since nothing is sealed but when asked to. */
class SealedLog {
  private sealed = 0

  private constructor(
    private readonly path: string,
    private readonly log: Log,
  ) {}

  static async create(path: string): Promise<SealedLog> {
    return new SealedLog(path, await open(path, { seal: { afterMs: 1_000_000 }, maintenance: false }))
  }

  get commit(): string | undefined {
    return this.log.status().commit
  }

  async sealUpTo(count: number): Promise<void> {
    while (this.sealed < count) await this.sealOne()
  }

  /** @returns the milliseconds that the seal took, without the append */
  async sealOne(): Promise<number> {
    const { stream, event } = sampleEvent(this.sealed++, STREAMS)
    await this.log.append(stream, [event])
    return await timed(() => this.log.seal())
  }

  /** Bytes on the disk of the objects that came after a commit. */
  bytesSince(commit: string | undefined): number {
    return Number(git(this.path, 'rev-list', '--objects', '--disk-usage', `${commit}..${this.commit}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close()
  }
}
