/** How often a remote is looked at, in milliseconds. */
export interface PollBounds {
  readonly fastestMs: number
  readonly slowestMs: number
}

/** How a look at the remote ended. */
export type Outcome = 'news' | 'nothing' | 'failed'

/** When to look again. */
export interface Pace {
  readonly delayMs: number
  /** How often in a row the remote failed. */
  readonly failures: number
}

const SLOWING = 1.5

/** The pace before the first look. */
export function firstPace({ fastestMs }: PollBounds): Pace {
  return { delayMs: fastestMs, failures: 0 }
}

/**
 * Fast while events come, slower while none do. After a failure twice as slow each time, with jitter, so
 * that many replicas do not come back to a remote at the same moment.
 *
 * @param chance from 0 to 1
 */
export function nextPace(before: Pace, outcome: Outcome, bounds: PollBounds, chance: number): Pace {
  const { fastestMs, slowestMs } = bounds
  switch (outcome) {
    case 'news':
      return firstPace(bounds)
    case 'nothing': {
      const isBack = before.failures > 0
      return { delayMs: isBack ? fastestMs : Math.min(slowestMs, before.delayMs * SLOWING), failures: 0 }
    }
    case 'failed': {
      const longest = Math.min(slowestMs, fastestMs * 2 ** before.failures)
      return { delayMs: longest / 2 + (longest / 2) * chance, failures: before.failures + 1 }
    }
  }
}
