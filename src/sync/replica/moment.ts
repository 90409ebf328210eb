import { shownTimeOf } from '../../event/time.ts'
import type { Clock } from '../../system/clock.ts'

/** What the clock said, which somebody may set, and what has run evenly since the process began. */
export interface Moment {
  readonly clockMs: number
  readonly steadyMs: number
}

export function momentOf(clock: Clock): Moment {
  return { clockMs: shownTimeOf(clock), steadyMs: performance.now() }
}

/** The longer of both: a clock that was set back hides time, and so does a machine that slept. */
export function secondsBetween(from: Moment, to: Moment): number {
  return Math.max(to.clockMs - from.clockMs, to.steadyMs - from.steadyMs) / 1000
}
