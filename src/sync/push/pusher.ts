import { asError } from '../../event/errors.ts'
import { shownTimeOf } from '../../event/time.ts'
import { LogClosedError } from '../../log/errors.ts'
import type { Notice } from '../../log/log-state.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { RemoteFailedError } from '../../repository/git-process-errors.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import { type Clock, LONGEST_TIMER_MS } from '../../system/clock.ts'
import { onAbort } from '../../system/on-abort.ts'
import { type RandomSource, randomFraction } from '../../system/random.ts'
import { NotPushedError } from '../errors.ts'
import type { HostProfile } from './host-profile.ts'
import type { KnownRemote } from './known-remote.ts'
import { type Attempt, isLeft, leave, type PushResult, takesAlong, type Waiter } from './push-attempt.ts'
import { pushCommit } from './push-commit.ts'
import { backoff, nextPush, type PushSchedule, paceOf, recentStarts } from './push-timing.ts'

export interface PusherParts {
  readonly opened: OpenedLog
  /** Name or address, as git takes it. */
  readonly remote: string
  readonly known: KnownRemote
  /** Undefined for a remote that is pushed to only when somebody asks. */
  readonly schedule: PushSchedule | undefined
  readonly profile: HostProfile
  /** For what is shown. */
  readonly clock: Clock
  readonly random: RandomSource
  readonly notify: (notice: Notice) => void
  /** Whether this remote has to wait for another one: then nothing is pushed by itself. */
  readonly isHeld: () => boolean
  /** Told when a push has ended. */
  readonly onEnded: () => void
}

export type PusherPhase = 'idle' | 'scheduled' | 'pushing' | 'waiting' | 'held' | 'closed'

type Ending =
  | { readonly error: undefined; readonly head: string }
  | { readonly error: Error; readonly head: string | undefined; readonly isForked: boolean }

/**
 * Pushes the log's branch to one remote, one push at a time: each takes along all that is committed when it
 * starts, so callers and commits that come meanwhile share the next.
 *
 * idle → scheduled → pushing → idle       (pushing → scheduled: more was committed meanwhile;
 * pushing → waiting → pushing: it failed, and is tried again after a random time that grows;
 * any → held: a mirror waits for its authority; any → closed, after a last push)
 */
export class Pusher {
  private waiters: Waiter[] = []
  private attempt: Attempt | undefined
  /** Resolves when the last attempt has ended, and what is known since is written down. */
  private ended: Promise<void> = Promise.resolve()
  private timer: NodeJS.Timeout | undefined
  /** From the beginning of closing on: no timer begins a push beside the last one. */
  private isClosing = false
  private isClosed = false
  private unpushedSince: number | undefined
  private starts: number[] = []
  private failure: { count: number; at: number; delayMs: number; isForked: boolean } | undefined

  constructor(private readonly parts: PusherParts) {}

  get phase(): PusherPhase {
    if (this.isClosed) return 'closed'
    if (this.attempt !== undefined) return 'pushing'
    if (this.timer === undefined) return this.isBehind && this.parts.isHeld() ? 'held' : 'idle'
    return this.failure === undefined ? 'scheduled' : 'waiting'
  }

  /** Whether the remote refused our commits because it has others. */
  get isForked(): boolean {
    return this.failure?.isForked ?? false
  }

  /** Says that the branch here may have moved, or that the remote which holds this one has changed. */
  look(): void {
    if (this.isBehind) this.unpushedSince ??= performance.now()
    this.plan()
  }

  /**
   * Resolves when the remote has the branch as it is now. What is asked for `now` waits for no host's limit
   * and no earlier failure, what is asked for `soon` for a second of it at most.
   *
   * @param remote the remote as this caller knows it: a password may have been renewed
   * @throws RemoteFailedError, InvalidRemoteError, GitMissingError, LogClosedError, and the signal's reason
   */
  push(
    asked: 'now' | 'soon',
    options: TransferOptions = {},
    remote = this.parts.remote,
  ): Promise<PushResult> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw new LogClosedError()
      options.signal?.throwIfAborted()
      const { signal } = options
      const stay = onAbort(signal, () => this.goneAway(waiter, signal?.reason))
      const waiter: Waiter = {
        remote,
        asked,
        options,
        resolve: (result) => {
          stay()
          resolve(result)
        },
        reject: (error) => {
          stay()
          reject(error)
        },
      }
      const { attempt } = this
      const { commit } = this.parts.opened.log.state.branch
      const isTakenAlong = attempt !== undefined && takesAlong(attempt, commit, waiter)
      const waiters = isTakenAlong ? attempt.waiters : this.waiters
      waiters.push(waiter)
      this.plan()
    })
  }

  /**
   * Lets the push that is under way end, makes a last one if there is anything to push, and stops. What is
   * not done in time is cut off: the commits are here, and the next process that opens the log pushes them.
   */
  async close(withinMs: number): Promise<void> {
    const { schedule, isHeld, opened, notify, known } = this.parts
    this.isClosing = true
    this.clearTimer()
    let isOver = withinMs <= 0
    const cut = () => {
      isOver = true
      const hint = `Closing the log waits ${withinMs / 1000} s for a last push (push.closeWithin).`
      const details = { mayHaveArrived: true, hint }
      this.attempt?.controller.abort(new RemoteFailedError(known.remote, 'network', details))
    }
    const timer = setTimeout(cut, withinMs)
    await this.ended
    const wants = this.waiters.length > 0 || (schedule !== undefined && this.isBehind && !isHeld())
    if (wants && !isOver) {
      this.begin()
      await this.ended
    }
    clearTimeout(timer)
    this.isClosed = true
    for (const { reject } of this.waiters.splice(0)) reject(new LogClosedError())
    if (schedule === undefined || !this.isBehind) return
    const { commit, position } = opened.log.state.branch
    const error = new NotPushedError(position, commit, known.error ?? new LogClosedError())
    notify({ kind: 'unpushed', remote: known.remote, error })
  }

  /** Whether there is anything to push, as far as can be known. */
  private get isBehind(): boolean {
    const unpushed = this.parts.known.unpushed(this.parts.opened.log.state.branch)
    return unpushed === undefined || unpushed.commits > 0
  }

  /** Sets the timer for the next push, if there is to be one. */
  private plan(): void {
    this.clearTimer()
    if (this.attempt !== undefined || this.isClosing) return
    const { clock, known, opened, profile, isHeld, schedule } = this.parts
    // By the wall clock, which may be set or wrong, pauses would last for hours, or not at all.
    const now = performance.now()
    const { branch } = opened.log.state
    const due = nextPush(
      {
        asked: this.waiters.some(({ asked }) => asked === 'now') ? 'now' : this.waiters[0]?.asked,
        unpushedSince: this.unpushedSince,
        unpushedEvents: known.unpushed(branch)?.events ?? branch.position,
      },
      { starts: this.starts, failure: this.failure },
      profile.pushesAMinute,
      isHeld() ? undefined : schedule,
      now,
    )
    known.nextTryAt = due === undefined ? undefined : Math.ceil(shownTimeOf(clock) + due - now)
    if (due === undefined) return
    this.timer = setTimeout(() => this.begin(), Math.min(due - now, LONGEST_TIMER_MS))
    // A push that nobody waits for keeps no process alive: the next one that opens the log makes it.
    if (this.waiters.length === 0) this.timer.unref()
  }

  private clearTimer(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private begin(): void {
    this.clearTimer()
    const { opened } = this.parts
    const startedAt = performance.now()
    this.starts = [...recentStarts(this.starts, startedAt), startedAt]
    const { branch } = opened.log.state
    const remote = this.waiters[0]?.remote ?? this.parts.remote
    const waiters = this.waiters.filter((waiter) => waiter.remote === remote)
    this.waiters = this.waiters.filter((waiter) => waiter.remote !== remote)
    this.attempt = {
      remote,
      branch,
      startedAt,
      waiters,
      controller: new AbortController(),
    }
    this.ended = this.run(this.attempt)
  }

  private async run(attempt: Attempt): Promise<void> {
    const { branch, waiters, startedAt } = attempt
    const { known, opened, onEnded, notify } = this.parts
    const ending = await this.attemptPush(attempt)
    const { error, head } = ending
    if (head === branch.commit) known.reached(branch)
    else if (head !== undefined) await known.see(head, opened)
    await known.bringUpToDate(opened)
    this.attempt = undefined
    if (error === undefined) this.succeeded(startedAt)
    else if (!isLeft(attempt)) this.failed(error, ending.isForked)
    this.look()
    const { commit, position } = branch
    for (const { resolve, reject } of waiters) {
      if (error === undefined) resolve({ remote: known.remote, commit, position })
      else reject(error)
    }
    onEnded()
    await known.save().catch((error) => notify({ kind: 'remote-not-recorded', error }))
  }

  private async attemptPush({ remote, branch, waiters, controller }: Attempt): Promise<Ending> {
    const { opened, known } = this.parts
    const parts = { ...opened, logId: opened.manifest.id, refused: known.refused }
    const { signal } = controller
    const { timeoutMs } = waiters[0]?.options ?? {}
    const onProgress: TransferOptions['onProgress'] = (progress) => {
      for (const waiter of [...waiters]) {
        try {
          waiter.options.onProgress?.(progress)
        } catch (error) {
          // It is no concern of the others.
          this.goneAway(waiter, error)
        }
      }
    }
    try {
      const outcome = await pushCommit(parts, remote, branch.commit, { signal, timeoutMs, onProgress })
      if (outcome.kind === 'pushed') return { error: undefined, head: outcome.head }
      if (outcome.kind === 'unknown') return { error: outcome.error, head: undefined, isForked: false }
      return outcome
    } catch (cause) {
      const error = asError(cause)
      return { error, head: undefined, isForked: false }
    }
  }

  private succeeded(startedAt: number): void {
    const { known, clock } = this.parts
    this.failure = undefined
    // What was committed since waits since then at the earliest.
    this.unpushedSince = this.isBehind ? startedAt : undefined
    known.succeeded(shownTimeOf(clock))
  }

  private failed(error: Error, isForked: boolean): void {
    const { known, clock, random, schedule, notify } = this.parts
    const kind = error instanceof RemoteFailedError ? error.kind : 'unknown'
    const count = (this.failure?.count ?? 0) + 1
    const delayMs = backoff(paceOf(kind, isForked), count, randomFraction(random))
    this.failure = { count, at: performance.now(), delayMs, isForked }
    known.failed(error, kind, shownTimeOf(clock))
    if (schedule !== undefined) notify({ kind: 'push-failed', remote: known.remote, failure: kind, error })
  }

  /** A caller does not want to wait any more. A push that nobody wants is cut off. */
  private goneAway(waiter: Waiter, reason: unknown): void {
    waiter.reject(reason)
    this.waiters = this.waiters.filter((other) => other !== waiter)
    const { attempt } = this
    const at = attempt?.waiters.indexOf(waiter) ?? -1
    if (attempt !== undefined && at >= 0) {
      attempt.waiters.splice(at, 1)
      if (attempt.waiters.length === 0 && this.parts.schedule === undefined) leave(attempt)
    }
    this.plan()
  }
}
