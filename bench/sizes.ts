/** How much each measurement does. */
export interface Sizes {
  /** How often a limit and ours are measured in turn; the median of their ratios counts. */
  readonly pairs: number
  /** Appends one after the other, in each of the pairs. */
  readonly singles: number
  /** Events of one run with many appends in flight, and of one in batches. */
  readonly events: number
  /** Events of a replay. */
  readonly replayed: number
  /** Events committed one by one before they are folded and replayed. */
  readonly folded: number
  /** Events committed one by one in a repository that is maintained. */
  readonly maintained: number
  /** Events and streams of the logs that are opened from a snapshot. */
  readonly opened: { readonly few: number; readonly many: number; readonly streams: number }
  /** The commits whose seals are compared: so many seals before each of these numbers. */
  readonly seals: { readonly early: number; readonly late: number; readonly window: number }
  readonly indexed: { readonly events: number; readonly streams: number }
  readonly commands: number
  readonly foreignCommits: number
  /** Commits that are pushed and fetched at once, and how often. */
  readonly transfers: { readonly commits: number; readonly rounds: number }
  readonly processStarts: number
  /** Appends of one event and of a hundred, into the stores of others. */
  readonly others: { readonly commits: number; readonly transactions: number }
  /** How long the event loop is watched, in milliseconds, in each of its two phases. */
  readonly watchedMs: number
  /** Events appended while memory is watched. */
  readonly flat: number
  /** How many replicas follow one remote, and for how long. */
  readonly replicas: { readonly count: number; readonly seconds: number }
  /** How many writers share one remote, one count after the other, and for how long each. */
  readonly sharedWriters: { readonly counts: readonly number[]; readonly seconds: number }
}

export type Effort = 'full' | 'quick' | 'tiny'

/** `tiny` is for the test that every measurement runs: its figures mean nothing. */
export const SIZES: Readonly<Record<Effort, Sizes>> = {
  full: {
    pairs: 7,
    singles: 500,
    events: 100_000,
    replayed: 100_000,
    folded: 100_000,
    maintained: 100_000,
    opened: { few: 100_000, many: 1_000_000, streams: 10_000 },
    seals: { early: 320, late: 20_000, window: 256 },
    indexed: { events: 1_000_000, streams: 100_000 },
    commands: 200_000,
    foreignCommits: 25,
    transfers: { commits: 500, rounds: 9 },
    processStarts: 25,
    others: { commits: 30, transactions: 1000 },
    watchedMs: 10_000,
    flat: 500_000,
    replicas: { count: 20, seconds: 30 },
    sharedWriters: { counts: [1, 2, 4, 8], seconds: 20 },
  },
  quick: {
    pairs: 3,
    singles: 200,
    events: 30_000,
    replayed: 100_000,
    folded: 2000,
    maintained: 1000,
    opened: { few: 20_000, many: 200_000, streams: 2000 },
    seals: { early: 320, late: 768, window: 256 },
    indexed: { events: 300_000, streams: 30_000 },
    commands: 50_000,
    foreignCommits: 9,
    transfers: { commits: 200, rounds: 5 },
    processStarts: 9,
    others: { commits: 5, transactions: 100 },
    watchedMs: 2000,
    flat: 100_000,
    replicas: { count: 20, seconds: 3 },
    sharedWriters: { counts: [1, 4], seconds: 2 },
  },
  tiny: {
    pairs: 1,
    singles: 10,
    events: 2000,
    replayed: 1000,
    folded: 300,
    maintained: 100,
    opened: { few: 1000, many: 2000, streams: 100 },
    seals: { early: 8, late: 16, window: 8 },
    indexed: { events: 2000, streams: 200 },
    commands: 1000,
    foreignCommits: 2,
    transfers: { commits: 2, rounds: 1 },
    processStarts: 1,
    others: { commits: 2, transactions: 10 },
    watchedMs: 200,
    flat: 5000,
    replicas: { count: 2, seconds: 1 },
    sharedWriters: { counts: [2], seconds: 1 },
  },
}
