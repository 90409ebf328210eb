import { asError } from '../../event/errors.ts'
import type { Proposal } from '../../log/draft.ts'
import { LogClosedError } from '../../log/errors.ts'
import { RemoteFailedError } from '../../repository/git-process-errors.ts'
import { Alarm } from './alarm.ts'
import { Backoff, mayPass } from './backoff.ts'
import { withWayOut } from './blocked-push.ts'
import { type Line, tell } from './line.ts'
import { LostPushes } from './lost-pushes.ts'
import { Pace } from './pace.ts'
import { CUT_OFF, RemoteBranch } from './remote-branch.ts'
import type { RoundLoopParts } from './round-loop-parts.ts'
import { failureOf, type SharedFailure, type SharedPhase } from './shared-status.ts'
import { TurnQueue } from './turn-queue.ts'
import { UnderWay } from './under-way.ts'
import { Waiters } from './waiters.ts'

/**
 * Pushes what waits in the line, round after round, to a remote branch that others push to as well. The branch
 * here holds only what the remote has.
 *
 * idle → queueing → composing → pushing → confirming → resting → idle
 * pushing → fetching → composing: somebody else was faster, or nobody knows how the push ended
 * any → backing off → fetching: it failed      any → stopped
 */
export class RoundLoop {
  readonly remote: RemoteBranch
  readonly underWay = new UnderWay()
  private current: SharedPhase = 'idle'
  private readonly pace = new Pace()
  private readonly turns: TurnQueue
  private readonly alarm = new Alarm()
  private readonly backoff: Backoff
  private readonly waiters = new Waiters()
  private readonly lost = new LostPushes()
  private mustLook = true
  private isClosing = false
  private running: Promise<void> | undefined
  /** The last look at the remote that ended: who came before it would have been found there. */
  lastLook = 0
  private failed: Error | undefined

  constructor(
    private readonly parts: RoundLoopParts,
    private readonly line: Line,
  ) {
    this.remote = new RemoteBranch(parts)
    this.turns = new TurnQueue(parts.fileSystem, parts.clock)
    const { pace, alarm, waiters } = this
    const isAwaited = () => line.isAwaited || !waiters.isEmpty
    this.backoff = new Backoff({ ...parts, pace, alarm, isAwaited })
  }

  get phase(): SharedPhase {
    return this.current
  }

  /** Why the last round failed, if it did. */
  get lastError(): Error | undefined {
    return this.failed
  }

  get failure(): SharedFailure | undefined {
    return this.failed && failureOf(this.failed, this.backoff.endMs)
  }

  /**
   * Starts with a look at the remote; one that cannot be reached does not stand in the way.
   *
   * @throws what `RemoteBranch.fetch` throws, but for a remote that failed; the reason of a signal that was aborted
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    try {
      await this.remote.cutOffAt(signal, () => this.look())
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof RemoteFailedError)) throw error
      this.fail(error)
    }
    this.running = this.run()
  }

  /** Says that something was added to the line. */
  wake(): void {
    if (this.current === 'idle') this.alarm.ring()
    if (this.current === 'backing off') this.backoff.shorten()
  }

  /** Resolves after a round that brings a state about. @throws what the next round fails with, and the signal's reason */
  waitUntil(isDone: () => boolean, signal?: AbortSignal): Promise<void> {
    return this.waitFor(isDone, false, signal)
  }

  /** Resolves after a look at the remote: the next, or the one that brings a state about. @throws as `waitUntil` */
  waitForLook(signal?: AbortSignal, isDone?: () => boolean): Promise<void> {
    const { looks } = this.line
    return this.waitFor(isDone ?? (() => this.lastLook > looks), true, signal)
  }

  /** Somebody waits no more, or will: ends what is under way with the remote, unless others want it. */
  cutOff(): void {
    const { underWay, line, waiters } = this
    const isWanted = line.appends.some((one) => !one.isAbandoned && (underWay.isEmpty || underWay.holds(one)))
    if (!isWanted && waiters.isEmpty) this.remote.cutOff()
  }

  /** Lets those who wait for the remote have their answer, pushes what can be pushed, and stops. */
  async close(): Promise<void> {
    this.isClosing = true
    this.backoff.endWithin(0)
    this.cutOff()
    // Nobody needs a turn.
    if (!this.line.isWanted) await this.turns.close()
    await this.running
  }

  /** Closes no later than now: what is under way with the remote is cut off, and nothing else begins. */
  stop(): void {
    this.remote.stop()
    void this.turns.close()
    this.backoff.endWithin(0)
  }

  private async waitFor(isDone: () => boolean, needsLook: boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const done = this.waiters.add(isDone, needsLook, signal)
    if (this.current === 'idle' || this.current === 'backing off') this.backoff.endWithin(0)
    try {
      await done
    } catch (error) {
      if (signal?.aborted) this.cutOff()
      throw error
    }
  }

  private async run(): Promise<void> {
    if (this.failed !== undefined) await this.backOff()
    while (await this.hasWork()) {
      try {
        const hasTried = await this.round()
        this.failed = undefined
        this.pace.goesWell()
        this.waiters.answer()
        if (hasTried) await this.rest()
      } catch (error) {
        if (error === CUT_OFF) continue
        this.fail(asError(error))
        await this.turns.leave()
        await this.backOff()
      }
    }
    this.current = 'stopped'
    this.waiters.giveUp(new LogClosedError())
  }

  private get isLookDue(): boolean {
    return this.mustLook || this.waiters.needLook
  }

  private get isIdle(): boolean {
    return !this.isLookDue && this.line.isEmpty && this.waiters.isEmpty && !this.isClosing
  }

  /** Idles until there is something to do; false when it is time to stop. */
  private async hasWork(): Promise<boolean> {
    while (this.isIdle) {
      this.current = 'idle'
      await this.turns.leave()
      if (!this.isIdle) break
      if (await this.alarm.wait(this.parts.fetchMs, false)) this.mustLook = true
      this.pace.idles(performance.now())
    }
    if (!this.isClosing) return true
    // What was accepted here is safe in the outbox; whoever waits for the remote is answered first.
    const canPush = this.line.isWanted && this.failed === undefined
    const goesOn = !this.remote.isStopped && (this.line.isAwaited || canPush)
    if (!goesOn) await this.turns.leave()
    return goesOn
  }

  /** @returns whether it tried to push */
  private async round(): Promise<boolean> {
    const isNewTurn = this.line.isWanted && (await this.enterQueue())
    const began = performance.now()
    this.waiters.roundBegins()
    const othersMayHavePushed = isNewTurn || (this.pace.hasOthers && !this.turns.isFirst)
    if (this.isLookDue || (othersMayHavePushed && this.line.isWanted)) await this.look()
    const proposal = await this.compose()
    if (proposal === undefined) {
      // Whoever is left was refused on a branch that may be old by now.
      this.mustLook = !this.line.isEmpty
      return false
    }
    const isTaken = await this.propose(proposal)
    const took = performance.now() - began
    if (isTaken) this.pace.won(began + took, took, this.remote.takeOthers())
    else this.pace.loses(took)
    return true
  }

  /** @returns whether our turn has begun just now */
  private async enterQueue(): Promise<boolean> {
    if (this.turns.isFirst) return false
    const directory = await this.remote.turnsDirectory()
    if (directory === undefined) return false
    this.current = 'queueing'
    return this.turns.enter(directory)
  }

  private async look(): Promise<void> {
    this.current = 'fetching'
    const look = this.line.beginLook()
    const hasMoved = await this.remote.fetch(() => this.line.withdraw())
    this.parts.onConfirmed()
    if (hasMoved) this.parts.onMoved()
    await tell(await this.parts.draft.exclusively(() => this.line.takeOut()))
    await tell(await this.parts.draft.exclusively(() => this.line.decide(look)))
    this.lastLook = look
    this.mustLook = false
  }

  private compose(): Promise<Proposal | undefined> {
    this.current = 'composing'
    return this.parts.draft.exclusively(async () => {
      this.line.dropAbandoned()
      let proposal: Proposal | undefined
      do {
        await tell(await this.line.place())
        proposal = await this.line.propose()
        // Who left meanwhile was told that nothing was stored.
      } while (this.line.dropAbandoned())
      this.underWay.proposal = proposal
      return proposal
    })
  }

  /** @returns whether the remote took it; if not, somebody else was faster */
  private async propose(proposal: Proposal): Promise<boolean> {
    const look = this.line.beginLook()
    this.current = 'pushing'
    // Until the branch here holds it, too.
    this.mustLook = true
    let mayHaveArrived = true
    try {
      await this.remote.push(proposal.states.at(-1)!.commit, proposal.from.commit)
      if (this.turns.isOver) await this.turns.leave()
      this.failed = undefined
      this.current = 'confirming'
      const decisions = await this.parts.draft.exclusively(async () => {
        const confirmed = await this.line.confirm(proposal)
        this.parts.onConfirmed()
        return [...confirmed, ...this.line.refuse(look)]
      })
      await tell(decisions)
    } catch (error) {
      if (error instanceof RemoteFailedError) mayHaveArrived = error.mayHaveArrived
      if (mayHaveArrived) this.line.doubt(proposal)
      if (!(error instanceof RemoteFailedError)) throw error
      if (error.kind !== 'conflict') throw this.line.isOfflineIn(proposal) ? withWayOut(error) : error
      const failure = this.lost.add(error, proposal.from.commit)
      if (failure !== undefined) throw failure
      return false
    } finally {
      this.underWay.proposal = undefined
    }
    this.mustLook = false
    this.lastLook = look
    this.parts.onMoved()
    await this.remote.remember()
    return true
  }

  private async rest(): Promise<void> {
    const ms = this.pace.waitMs(this.parts.chance())
    // In the queue nobody else has to be let go first.
    if (ms === 0 || this.isClosing || this.turns.isFirst) return
    this.current = 'resting'
    await this.alarm.wait(ms, true)
  }

  private fail(error: Error): void {
    if (this.failed === undefined) this.parts.onFailure(error)
    this.failed = error
    this.mustLook = true
    this.pace.fails()
    if (!mayPass(error)) this.line.refuseAwaited(error)
    this.waiters.roundFailed(error)
    this.backoff.begin()
    // Whoever comes from now on ends the wait, which is about to begin.
    this.current = 'backing off'
  }

  private async backOff(): Promise<void> {
    if (this.isClosing && !this.line.isAwaited) return
    await this.backoff.wait()
  }
}
