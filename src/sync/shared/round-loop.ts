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

/** How a round ends that does not throw: `lost` when somebody else was faster. */
type RoundEnd = 'nothing to push' | 'taken' | 'lost'

/**
 * Pushes what waits in the line, round after round, to a remote branch that others push to as well. The branch
 * here holds only what the remote has.
 *
 * A round takes in what the remote has, where that may be more than the branch here holds, gives those that wait their
 * places behind it, and pushes them. It ends when the remote has taken them, when there is nothing to push, or when
 * somebody else was faster; when something fails; or with CUT_OFF, as soon as nobody waits for the remote any more.
 *
 * idle → queueing → fetching → composing → pushing → confirming → resting → idle, or the next round
 * composing → idle: nothing to push      pushing → resting: lost, and the next round fetches
 * any → idle: cut off      any → backing off → queueing: failed, and the next round fetches      any → stopped
 *
 * Where there is no queue, and where the branch here is known to be the remote's, those steps are left out.
 */
export class RoundLoop {
  readonly remote: RemoteBranch
  readonly underWay = new UnderWay()
  phase: SharedPhase = 'idle'
  /** Why the last round failed, if it did. */
  lastError: Error | undefined
  /** The last look at the remote that ended: who came before it would have been found there. */
  lastLook = 0
  private readonly pace = new Pace()
  private readonly turns: TurnQueue
  private readonly alarm = new Alarm()
  private readonly backoff: Backoff
  private readonly waiters = new Waiters()
  private readonly lost = new LostPushes()
  /** Whether the remote may have what the branch here does not. */
  private mustLook = true
  private isClosing = false
  private running: Promise<void> | undefined

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

  get failure(): SharedFailure | undefined {
    return this.lastError && failureOf(this.lastError, this.backoff.endMs)
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
    if (this.phase === 'idle') this.alarm.ring()
    if (this.phase === 'backing off') this.backoff.shorten()
  }

  /** Resolves after a round that brings a state about. @throws what the next round fails with, and the signal's reason */
  async waitUntil(isDone: () => boolean, signal?: AbortSignal, needsLook = false): Promise<void> {
    signal?.throwIfAborted()
    const done = this.waiters.add(isDone, needsLook, signal)
    if (this.phase === 'idle' || this.phase === 'backing off') this.backoff.endWithin(0)
    try {
      await done
    } catch (error) {
      if (signal?.aborted) this.cutOff()
      throw error
    }
  }

  /** Resolves after a look at the remote: the next, or the one that brings a state about. @throws as `waitUntil` */
  waitForLook(signal?: AbortSignal, isDone?: () => boolean): Promise<void> {
    const { looks } = this.line
    return this.waitUntil(isDone ?? (() => this.lastLook > looks), signal, true)
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

  private async run(): Promise<void> {
    while (await this.hasWork()) {
      try {
        const end = await this.round()
        this.lastError = undefined
        this.pace.goesWell()
        this.waiters.answer()
        if (end !== 'nothing to push') await this.rest()
      } catch (error) {
        if (error === CUT_OFF) continue
        this.fail(asError(error))
        await this.turns.leave()
      }
    }
    this.phase = 'stopped'
    this.waiters.giveUp(new LogClosedError())
  }

  private get isLookDue(): boolean {
    return this.mustLook || this.waiters.needLook
  }

  private get isIdle(): boolean {
    return !this.isLookDue && this.line.isEmpty && this.waiters.isEmpty && !this.isClosing
  }

  /** Waits until a failure is long enough ago, and there is something to do; false when it is time to stop. */
  private async hasWork(): Promise<boolean> {
    if (!this.isClosing || this.line.isAwaited) await this.backoff.wait()
    while (this.isIdle) {
      this.phase = 'idle'
      await this.turns.leave()
      if (!this.isIdle) break
      if (await this.alarm.wait(this.parts.fetchMs, false)) this.mustLook = true
      this.pace.idles(performance.now())
    }
    if (!this.isClosing) return true
    // What was accepted here is safe in the outbox; whoever waits for the remote is answered first.
    const canPush = this.line.isWanted && this.lastError === undefined
    const goesOn = !this.remote.isStopped && (this.line.isAwaited || canPush)
    if (!goesOn) await this.turns.leave()
    return goesOn
  }

  private async round(): Promise<RoundEnd> {
    const isNewTurn = this.line.isWanted && (await this.enterQueue())
    const began = performance.now()
    this.waiters.roundBegins()
    const { draft } = this.parts
    const withdraw = () => draft.exclusively(async () => this.line.withdraw())
    if (await this.remote.followHere(withdraw)) this.mustLook = true
    const othersMayHavePushed = isNewTurn || (this.pace.hasOthers && !this.turns.isFirst)
    if (this.isLookDue || (othersMayHavePushed && this.line.isWanted)) await this.look()
    const proposal = await this.compose()
    if (proposal === undefined) {
      // Whoever is left was refused on a branch that may be old by now.
      this.mustLook = !this.line.isEmpty
      return 'nothing to push'
    }
    const end = await this.propose(proposal)
    const took = performance.now() - began
    if (end === 'taken') this.pace.won(began + took, took, this.remote.takeOthers())
    else this.pace.loses(took)
    return end
  }

  /** @returns whether our turn has begun just now */
  private async enterQueue(): Promise<boolean> {
    if (this.turns.isFirst) return false
    const directory = await this.remote.turnsDirectory()
    if (directory === undefined) return false
    this.phase = 'queueing'
    return this.turns.enter(directory)
  }

  private async look(): Promise<void> {
    this.phase = 'fetching'
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
    this.phase = 'composing'
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

  private async propose(proposal: Proposal): Promise<'taken' | 'lost'> {
    const look = this.line.beginLook()
    this.phase = 'pushing'
    // Until the branch here holds it, too.
    this.mustLook = true
    try {
      await this.remote.push(proposal.states.at(-1)!.commit, proposal.from.commit)
      if (this.turns.isOver) await this.turns.leave()
      this.lastError = undefined
      this.phase = 'confirming'
      const decisions = await this.parts.draft.exclusively(async () => {
        const confirmed = await this.line.confirm(proposal)
        this.parts.onConfirmed()
        return [...confirmed, ...this.line.refuse(look)]
      })
      await tell(decisions)
    } catch (error) {
      this.checkLost(proposal, error)
      return 'lost'
    } finally {
      this.underWay.proposal = undefined
    }
    this.mustLook = false
    this.lastLook = look
    this.parts.onMoved()
    await this.remote.remember()
    return 'taken'
  }

  /** @throws what a push failed with, unless somebody else was faster */
  private checkLost(proposal: Proposal, error: unknown): void {
    const isRemote = error instanceof RemoteFailedError
    if (!isRemote || error.mayHaveArrived) this.line.doubt(proposal)
    if (!isRemote) throw error
    if (error.kind !== 'conflict') throw this.line.isOfflineIn(proposal) ? withWayOut(error) : error
    this.lost.add(error, proposal.from.commit)
  }

  private async rest(): Promise<void> {
    const ms = this.pace.waitMs(this.parts.chance())
    // In the queue nobody else has to be let go first.
    if (ms === 0 || this.isClosing || this.turns.isFirst) return
    this.phase = 'resting'
    await this.alarm.wait(ms, true)
  }

  private fail(error: Error): void {
    if (this.lastError === undefined) this.parts.onFailure(error)
    this.lastError = error
    this.mustLook = true
    this.pace.fails()
    if (!mayPass(error)) this.line.refuseAwaited(error)
    this.waiters.roundFailed(error)
    this.backoff.begin()
    // Whoever comes from now on ends the wait, which is about to begin.
    this.phase = 'backing off'
  }
}
