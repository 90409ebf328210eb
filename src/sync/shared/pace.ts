/** Weighs the last measurement against those before it. */
const NEWEST = 0.3
/** Others that were not seen for so long are gone, in milliseconds. */
const GONE_MS = 2000
/** The share of the others' time for which a winner rests, at least and at most. */
const [SHORTEST_REST, LONGEST_REST] = [0.6, 1]
/** So many attempts' time a loser waits at most, after it lost once. */
const FIRST_RETRY_ATTEMPTS = 4
/** So long one writer may push without a break, in milliseconds. */
const LONGEST_STREAK_MS = 1000
/** How many attempts fit into such a break. */
const BREAK_ATTEMPTS = 2
/** The first wait for a remote that cannot be reached, and the longest, in milliseconds. */
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 30_000

/**
 * When a writer that shares a remote tries to push next. Pure: it is told what happened and when, in
 * milliseconds, and given chance as a fraction from 0 to 1.
 *
 * Of several pushes at the same time the remote takes one. The winner could push again at once, while the
 * losers have to fetch first: left alone, one writer takes it all. So whoever won rests while the others
 * push, and whoever lost tries again the sooner the more often it lost. A rest costs little throughput: what
 * comes meanwhile goes into the next push.
 *
 * The rest is less than the others' whole time. With all of it any unequal division would stay as it is; with
 * less, whoever pushes more often than the others rests less but loses more, until all are equal.
 *
 * Who loses is not seen by who wins, so a winner that sees no others stands still for a moment now and then.
 */
export class Pace {
  private attemptMs = 0
  private others = 0
  private lost = 0
  private failed = 0
  private seenMs = Number.NEGATIVE_INFINITY
  private streakSince = 0
  private needsBreak = false
  private sawOthers = false

  /** A push was taken, and about so many of others since the last one of ours. */
  won(nowMs: number, attemptMs: number, others: number): void {
    this.tookMs(attemptMs)
    this.others = mix(this.others, others)
    this.lost = 0
    this.failed = 0
    if (others > 0) this.seenMs = nowMs
    this.sawOthers = nowMs - this.seenMs < GONE_MS
    this.needsBreak = nowMs - this.streakSince > LONGEST_STREAK_MS
    if (this.needsBreak || this.sawOthers) this.streakSince = nowMs
  }

  /** Whether others push as well: then the branch has to be looked at before the next push. */
  get hasOthers(): boolean {
    return this.sawOthers
  }

  /** Somebody else was faster. */
  loses(attemptMs: number): void {
    this.tookMs(attemptMs)
    this.lost++
    this.failed = 0
  }

  /** The remote could not be reached. */
  fails(): void {
    this.failed++
  }

  /** There was nothing to push. */
  idles(nowMs: number): void {
    this.streakSince = nowMs
  }

  /** How long to wait before the next attempt, in milliseconds. */
  waitMs(chance: number): number {
    if (this.lost > 0) return (FIRST_RETRY_ATTEMPTS * this.attemptMs * chance) / this.lost ** 2
    if (this.sawOthers) {
      const restShare = SHORTEST_REST + chance * (LONGEST_REST - SHORTEST_REST)
      return Math.max(1, this.others) * this.attemptMs * restShare
    }
    return this.needsBreak ? BREAK_ATTEMPTS * this.attemptMs : 0
  }

  /** How long to wait for a remote that cannot be reached: twice as long each time. */
  backoffMs(chance: number): number {
    const most = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, this.failed - 1))
    return most * (0.5 + chance / 2)
  }

  private tookMs(attemptMs: number): void {
    this.attemptMs = this.attemptMs === 0 ? attemptMs : mix(this.attemptMs, attemptMs)
  }
}

function mix(before: number, now: number): number {
  return before + NEWEST * (now - before)
}
