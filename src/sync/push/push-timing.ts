import type { RemoteFailure } from '../../repository/git-process-errors.ts'

const MINUTE_MS = 60_000

/** When a log pushes by itself. */
export interface PushSchedule {
  /** How long a commit waits for its push at most, in milliseconds. */
  readonly every: number
  /** As many events as this are pushed at once. */
  readonly maxUnpushed: number
}

/** What there is to push, and who waits for it. */
export interface PushNeed {
  /** A caller of `push()` waits, or one whose append is to be acknowledged once it is pushed. */
  readonly asked: 'now' | 'soon' | undefined
  /** Since when commits have been waiting; undefined if none are. */
  readonly unpushedSince: number | undefined
  readonly unpushedEvents: number
}

/** What went before. Times are in milliseconds, by whichever clock `now` is. */
export interface PushPast {
  /** When pushes began, the last one last. */
  readonly starts: readonly number[]
  /** Set if the last one failed: how long to leave the remote alone. */
  readonly failure: { readonly at: number; readonly delayMs: number } | undefined
}

/** Whoever waits for an append is not left waiting longer than this by an earlier failure. */
const ASKED_DELAY_MS = 1000

/**
 * When the next push is to begin, `now` or later; undefined if there is none to be made.
 *
 * @param schedule undefined for a remote that is pushed to only when somebody asks
 */
export function nextPush(
  { asked, unpushedSince, unpushedEvents }: PushNeed,
  past: PushPast,
  pushesAMinute: number,
  schedule: PushSchedule | undefined,
  now: number,
): number | undefined {
  if (asked === 'now') return now
  const allowed = Math.max(now, endOfFullMinute(past.starts, pushesAMinute, now))
  if (asked === 'soon') return Math.max(allowed, endOfDelay(past, ASKED_DELAY_MS, now))
  if (schedule === undefined || unpushedSince === undefined) return undefined
  const due = unpushedEvents >= schedule.maxUnpushed ? now : unpushedSince + schedule.every
  return Math.max(due, allowed, endOfDelay(past, Number.POSITIVE_INFINITY, now))
}

/** The pushes that still count against the host's limit. */
export function recentStarts(starts: readonly number[], now: number): number[] {
  return starts.filter((start) => start <= now && start > now - MINUTE_MS)
}

function endOfFullMinute(starts: readonly number[], pushesAMinute: number, now: number): number {
  const oldest = recentStarts(starts, now).at(-pushesAMinute)
  return oldest === undefined || !Number.isFinite(pushesAMinute) ? now : oldest + MINUTE_MS
}

function endOfDelay({ failure }: PushPast, mostMs: number, now: number): number {
  if (failure === undefined || failure.at > now) return now
  return failure.at + Math.min(failure.delayMs, mostMs)
}

/** Whether trying again soon may help (`passing`), or only once somebody has done something (`lasting`). */
export type FailurePace = 'passing' | 'lasting'

/** @param isForked whether the remote was seen with commits that are not here */
export function paceOf(kind: RemoteFailure, isForked: boolean): FailurePace {
  switch (kind) {
    case 'network':
    case 'unknown':
      return 'passing'
    case 'conflict':
      return isForked ? 'lasting' : 'passing'
    case 'auth':
    case 'refused':
    case 'too-large':
    case 'unsound':
      return 'lasting'
  }
}

const PACES: Readonly<Record<FailurePace, { leastMs: number; firstMs: number; mostMs: number }>> = {
  passing: { leastMs: 100, firstMs: 1000, mostMs: MINUTE_MS },
  lasting: { leastMs: 10_000, firstMs: MINUTE_MS, mostMs: 15 * MINUTE_MS },
}

/**
 * How long to leave a remote alone after failures in a row: a random part ("full jitter") of a time that
 * doubles up to a bound, so that many who failed together do not come back together.
 *
 * @param failures how many, 1 after the first
 * @param fraction random, from 0 to below 1
 */
export function backoff(pace: FailurePace, failures: number, fraction: number): number {
  const { leastMs, firstMs, mostMs } = PACES[pace]
  return Math.max(leastMs, fraction * Math.min(mostMs, firstMs * 2 ** (failures - 1)))
}
