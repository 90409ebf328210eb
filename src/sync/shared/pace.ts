/** Weighs the last measurement against those before it. */
const NEWEST = 0.3
/** Others that were not seen for so long are gone, in milliseconds. */
const GONE_MS = 2000
/** So many pushes one writer makes without a pause when there are others, and so long, in milliseconds. */
const MOST_PUSHES = 8
const LONGEST_STREAK_MS = 1500
/** The share of the others' time for which a winner rests, at least and at most. */
const [SHORTEST_REST, LONGEST_REST] = [0.6, 1]
/** After so many attempts, and so long, a writer that sees no others stands still, for so many attempts' time. */
const BREAK_AFTER_ATTEMPTS = 15
const BREAK_AFTER_MS = 1000
const BREAK_ATTEMPTS = 2
/** The first wait for a remote that cannot be reached, and the longest, in milliseconds. */
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 30_000
/** The longest while somebody waits for the remote's answer, who has 30 s of patience. */
const LONGEST_AWAITED_BACKOFF_MS = 2000

/**
 * When a writer that shares a remote tries to push next. Pure: it is told what happened and when, in
 * milliseconds, and given chance as a fraction from 0 to 1.
 *
 * Of several pushes at the same time the remote takes one. The winner could push again at once, while the
 * losers have to fetch first: left alone, one writer takes it all. So whoever won some pushes in a row rests
 * while the others have their turn, and whoever lost tries again the sooner the more often it lost. A rest
 * costs little throughput: what comes meanwhile goes into the next push.
 *
 * In a row, because each change of turns costs a fetch, and pushes that are lost while it is fought out: with
 * one push a turn two writers got less than half as much through as one alone.
 *
 * The rest is less than the others' whole time. With all of it any unequal division would stay as it is; with
 * less, whoever pushes more often than the others rests less but loses more, until all are equal.
 *
 * Who loses is not seen by who wins, so a winner that sees no others stands still for a moment now and then.
 */
export class Pace {
  private attemptMs = 0
  /** How many pushes the others make between two streaks of ours, and have made since the last one. */
  private others = 0
  private othersNow = 0
  /** Pushes in a row that were taken. */
  private streak = 0
  private streakSince = 0
  private lost = 0
  private failed = 0
  private seenMs = Number.NEGATIVE_INFINITY
  private sawOthers = false
  private breakSince = 0
  /** What to wait for after a push that was taken, in attempts. */
  private restAttempts = 0

  /** A push was taken, and about so many of others since the last one of ours. */
  won(nowMs: number, attemptMs: number, others: number): void {
    this.tookMs(attemptMs)
    this.lost = 0
    if (this.streak++ === 0) this.streakSince = nowMs - attemptMs
    this.othersNow += others
    if (others > 0) this.seenMs = nowMs
    this.sawOthers = nowMs - this.seenMs < GONE_MS
    this.restAttempts = this.sawOthers ? this.afterStreak(nowMs) : this.breakOf(nowMs)
  }

  /** Whether others push as well, and may have had their turn: then the branch has to be looked at before the next push. */
  get hasOthers(): boolean {
    return this.sawOthers && this.streak === 0
  }

  /** Somebody else was faster. */
  loses(attemptMs: number): void {
    this.tookMs(attemptMs)
    this.streak = 0
    this.lost++
  }

  /** The remote could not be reached. */
  fails(): void {
    this.failed++
  }

  /** A round came to its end, though it may have had nothing to push. */
  goesWell(): void {
    this.failed = 0
  }

  /** There was nothing to push. */
  idles(nowMs: number): void {
    this.breakSince = nowMs
  }

  /** How long to wait before the next attempt, in milliseconds. */
  waitMs(chance: number): number {
    // At most as long as a streak, after the first time.
    if (this.lost > 0) return (Math.min(MOST_PUSHES * this.attemptMs, LONGEST_STREAK_MS) * chance) / this.lost
    const share = this.sawOthers ? SHORTEST_REST + chance * (LONGEST_REST - SHORTEST_REST) : 1
    return this.restAttempts * this.attemptMs * share
  }

  /** How long to wait for a remote that cannot be reached: twice as long each time. */
  backoffMs(chance: number, isAwaited: boolean): number {
    const longest = isAwaited ? LONGEST_AWAITED_BACKOFF_MS : LONGEST_BACKOFF_MS
    const most = Math.min(longest, FIRST_BACKOFF_MS * 2 ** Math.max(0, this.failed - 1))
    return most * (0.5 + chance / 2)
  }

  private afterStreak(nowMs: number): number {
    this.breakSince = nowMs
    const { streak } = this
    if (streak < MOST_PUSHES && nowMs - this.streakSince < LONGEST_STREAK_MS) return 0
    this.others = mix(this.others, this.othersNow)
    this.othersNow = 0
    this.streak = 0
    return Math.max(streak, this.others)
  }

  private breakOf(nowMs: number): number {
    const afterMs = Math.max(BREAK_AFTER_MS, BREAK_AFTER_ATTEMPTS * this.attemptMs)
    if (nowMs - this.breakSince < afterMs) return 0
    this.breakSince = nowMs
    return BREAK_ATTEMPTS
  }

  private tookMs(attemptMs: number): void {
    this.attemptMs = this.attemptMs === 0 ? attemptMs : mix(this.attemptMs, attemptMs)
  }
}

function mix(before: number, now: number): number {
  return before + NEWEST * (now - before)
}
