import { type Group, goal } from './row.ts'
import { runChild } from './workspace.ts'

const MOST_LATE_MS = 25

/** What the child is asked for. */
export interface EventLoopInput {
  readonly path: string
  readonly watchedMs: number
}

/** How late the timer was, in milliseconds at p99, and how often the log was sealed and folded meanwhile. */
export interface Lateness {
  readonly p99: number
  readonly worst: number
  readonly commits: number
  readonly folds: number
}

export const eventLoop: Group = {
  rows: ['event-loop'],
  run: async (bench) => {
    const { watchedMs } = bench.sizes
    const [usual, small] = await runChild<[Lateness, Lateness]>('event-loop-child', {
      path: bench.path('log'),
      watchedMs,
    } satisfies EventLoopInput)
    return [
      {
        id: 'event-loop',
        measurement: `a timer of 10 ms with 1,024 appends in flight is late by, p99: usual seals (${usual.commits} commits); small ones (${small.commits} commits, ${small.folds} of them folds)`,
        figures: [
          { name: 'usual seals', value: usual.p99, unit: 'ms' },
          { name: 'small seals', value: small.p99, unit: 'ms' },
          { name: 'at worst', value: Math.max(usual.worst, small.worst), unit: 'ms' },
        ],
        goals: [goal('ms', Math.max(usual.p99, small.p99), { atMost: MOST_LATE_MS })],
      },
    ]
  },
}
