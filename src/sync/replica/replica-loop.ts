import { shownTimeOf } from '../../event/time.ts'
import type { Watcher } from '../../image/watcher.ts'
import { LogClosedError } from '../../log/errors.ts'
import { Exclusive } from '../../log/exclusive.ts'
import { shownAddress } from '../../repository/remote-address.ts'
import type { PullResult } from '../pull.ts'
import { Intake, type IntakeOptions } from './intake.ts'
import { firstPace, nextPace, type Pace, type PollBounds } from './pace.ts'
import { watchRemote } from './remote-watch.ts'
import type { ReplicaState } from './replica-state.ts'
import type { Rewrite } from './rewrite.ts'

export interface ReplicaLoopOptions extends IntakeOptions {
  readonly poll: PollBounds
  /** From 0 to 1, for the jitter. */
  readonly chance: () => number
  /** Whether a remote on this machine is watched by file events. */
  readonly fileEvents: boolean
}

/**
 * Keeps a replica where its remote is: looks after a while (pace.ts), and at once when it is asked to. It may
 * be asked as often as one likes: whoever asks during a look gets one more.
 */
export class ReplicaLoop {
  private readonly intake: Intake
  private readonly looks = new Exclusive()
  private readonly closing = new AbortController()
  private pace: Pace
  private nextLookMs: number | undefined
  private running: Promise<void> | undefined
  private watcher: Watcher | undefined
  private isPoked = false
  private wake: () => void = () => undefined

  constructor(private readonly options: ReplicaLoopOptions) {
    this.intake = new Intake(options)
    this.pace = firstPace(options.poll)
  }

  /** Starts looking. Keeps no process alive. */
  start(): void {
    if (this.running !== undefined) return
    this.intake.freshness.pin()
    this.running = this.run()
  }

  /** Asks for a look now. */
  poke(): void {
    this.isPoked = true
    this.wake()
  }

  /** Looks now. @throws what the remote, or the check of what it holds, says */
  pull(): Promise<PullResult> {
    const { state } = this.options.opened.log
    return this.whileOpen(async () => {
      const from = state.visible.position
      await this.intake.look(this.closing.signal)
      this.closing.signal.throwIfAborted()
      if (this.intake.error !== undefined) throw this.intake.error
      const { commit } = state.branch
      // A replica has no commits of its own.
      return { from, to: state.visible.position, commit, remoteCommit: commit }
    })
  }

  describeRewrite(signal?: AbortSignal): Promise<Rewrite> {
    return this.whileOpen(() => this.intake.describeRewrite(this.closingOr(signal)))
  }

  acceptRewrite(commit: string, signal?: AbortSignal): Promise<Rewrite & { readonly replaced: string }> {
    return this.whileOpen(() => this.intake.acceptRewrite(commit, this.closingOr(signal)))
  }

  state(): ReplicaState {
    const { phase, freshness, lastAnswerMs, problem } = this.intake
    return {
      remote: shownAddress(this.options.remote),
      phase,
      lag: freshness.lag,
      lastAnswer: isoTime(lastAnswerMs),
      nextLook: isoTime(this.nextLookMs),
      failures: this.pace.failures,
      problem,
    }
  }

  /** Stops at once: a fetch or a check that is under way is given up. */
  async close(): Promise<void> {
    this.closing.abort(new LogClosedError())
    this.wake()
    await this.running
    await this.looks.run(() => this.intake.freshness.settled())
    await this.watcher?.close()
    this.intake.phase = 'closed'
  }

  private closingOr(signal: AbortSignal | undefined): AbortSignal {
    const { signal: closing } = this.closing
    return signal === undefined ? closing : AbortSignal.any([closing, signal])
  }

  /** @throws LogClosedError */
  private whileOpen<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.looks.run(async () => {
      this.closing.signal.throwIfAborted()
      return await task()
    })
  }

  private async run(): Promise<void> {
    const { signal } = this.closing
    const { poll, chance, clock } = this.options
    while (!signal.aborted) {
      this.isPoked = false
      this.nextLookMs = undefined
      const startedAt = performance.now()
      const outcome = await this.looks.run(() => this.intake.look(signal))
      const lookMs = performance.now() - startedAt
      this.pace = nextPace(this.pace, outcome, poll, chance())
      await this.watch(outcome !== 'failed')
      this.nextLookMs = shownTimeOf(clock) + this.pace.delayMs
      await this.rest(Math.min(poll.fastestMs, lookMs))
    }
  }

  /**
   * Waits until it is time, or somebody asks, but so long at least: however fast commits come, a replica
   * spends half of its time without git, which others on this machine can use.
   */
  private async rest(leastMs: number): Promise<void> {
    await this.pause(leastMs, () => false)
    await this.pause(Math.max(0, this.pace.delayMs - leastMs), () => this.isPoked)
  }

  private pause(ms: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.wake = () => {
        if (!isOver() && !this.closing.signal.aborted) return
        clearTimeout(timer)
        resolve()
      }
      this.wake()
    })
  }

  /** A remote that was away may be another folder when it is back. */
  private async watch(isThere: boolean): Promise<void> {
    const { fileEvents, remote, opened, fileSystem } = this.options
    if (!isThere) {
      await this.watcher?.close()
      this.watcher = undefined
    } else if (fileEvents && !this.closing.signal.aborted) {
      this.watcher ??= await watchRemote(remote, opened.repository.branch, fileSystem, (commit) => {
        if (commit !== opened.log.state.branch.commit) this.poke()
      })
    }
  }
}

function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}
