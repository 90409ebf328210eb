import type { AppendCondition } from '../../event/condition.ts'
import type { Draft, Proposal } from '../../log/draft.ts'
import { LogClosedError } from '../../log/errors.ts'
import type { StreamAppend } from '../../log/event-log.ts'
import type { AppendResult } from '../../log/placement.ts'
import { RemoteFailedError } from '../../repository/errors.ts'
import { NotConfirmedError } from '../errors.ts'
import { Alarm } from './alarm.ts'
import { type Conflict, ConflictNotFoundError, conflictsOf, type Retry } from './conflict.ts'
import { type Decision, Line, tell } from './line.ts'
import { OfflineAppends, type ProvisionalResult } from './offline-appends.ts'
import type { Outbox } from './outbox.ts'
import { Pace } from './pace.ts'
import { RemoteBranch, type RemoteBranchParts } from './remote-branch.ts'
import { failureOf, type SharedPhase, type SharedStatus } from './shared-status.ts'
import { WaitingAppend } from './waiting-append.ts'

export interface SharedWriterParts extends RemoteBranchParts {
  readonly draft: Draft
  readonly outbox: Outbox
  /** A fraction from 0 to 1. */
  readonly chance: () => number
  readonly newKey: () => string
  /** How long an append waits for the remote, in milliseconds. */
  readonly patienceMs: number
  /** How often the remote is looked at while there is nothing to push, in milliseconds. */
  readonly fetchMs: number
  /** Told when a round fails, once until one does not. */
  readonly onFailure: (error: Error) => void
  /** Told of each append that was accepted here and did not hold. */
  readonly onConflict: (id: string, error: Error) => void
  /** Told after each move of the branch. */
  readonly onMoved: () => void
}

/** Somebody who waits for a state that some round brings about. */
interface Waiter {
  readonly isDone: () => boolean
  readonly needsLook: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Appends to a remote branch that others append to as well. The branch here holds only what the remote has.
 *
 * idle → composing → pushing → confirming → resting → idle
 * pushing → fetching → composing: somebody else was faster, or nobody knows how the push ended
 * any → backing off → fetching: it failed      any → stopped
 */
export class SharedWriter {
  private phase: SharedPhase = 'idle'
  private readonly remote: RemoteBranch
  private readonly line: Line
  private readonly offline: OfflineAppends
  private readonly pace = new Pace()
  private readonly alarm = new Alarm()
  private waiters: Waiter[] = []
  /** Those of them who wait since before this round began. */
  private asked: Waiter[] = []
  private mustLook = true
  private isClosing = false
  private running: Promise<void> | undefined
  /** The last look at the remote that ended. */
  private lastLook = 0
  /** What is on its way to the remote. */
  private proposal: Proposal | undefined
  /** Why the last round failed, if it did. */
  private lastError: Error | undefined
  private nextTryMs = 0

  private constructor(private readonly parts: SharedWriterParts) {
    this.remote = new RemoteBranch(parts)
    this.line = new Line(parts.draft)
    this.offline = new OfflineAppends({ ...parts, line: this.line })
  }

  /**
   * Starts with a look at the remote; one that cannot be reached does not stand in the way.
   *
   * @throws HistoryForkedError, RemoteBranchMissingError, InvalidRemoteError, GitMissingError, and what taking
   *   in foreign commits throws
   */
  static async open(parts: SharedWriterParts): Promise<SharedWriter> {
    const writer = new SharedWriter(parts)
    try {
      await writer.look()
    } catch (error) {
      if (!(error instanceof RemoteFailedError)) throw error
      writer.fail(error)
    }
    writer.start()
    return writer
  }

  /**
   * Appends; resolves when the remote has it.
   *
   * @throws ConcurrencyError, DuplicateIdError, TimeBackwardsError: it does not hold on the remote
   * @throws NotConfirmedError when the remote does not answer in time
   * @throws RemoteFailedError, HistoryForkedError … when the remote takes nothing from us: nothing was stored
   */
  async append(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
  ): Promise<AppendResult> {
    this.checkOpen()
    const prepared = this.parts.log.prepare(appends, condition)
    return new Promise((resolve, reject) => {
      const append = new WaitingAppend(prepared, condition, { isOffline: false }, (outcome) => {
        clearTimeout(patience)
        if (outcome.kind === 'confirmed') resolve(outcome.result)
        else reject(outcome.error)
      })
      const patience = setTimeout(() => {
        append.isAbandoned = true
        reject(new NotConfirmedError(append.mayBeStored || this.isProposed(append), this.lastError))
      }, this.parts.patienceMs)
      this.line.add(append)
      this.wake('idle')
    })
  }

  /**
   * Appends; resolves when it is safe here, and holds as far as is known here.
   *
   * @throws ConcurrencyError, DuplicateIdError, JournalFullError, JournalFailedError
   */
  async appendOffline(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
  ): Promise<AppendResult | ProvisionalResult> {
    this.checkOpen()
    const accepted = await this.offline.accept(appends, condition)
    this.wake('idle')
    return accepted
  }

  /** Resolves when all that waits now is confirmed, or a conflict. @throws what the next round fails with */
  push(): Promise<void> {
    const waiting = this.line.appends
    return this.waitUntil(() => waiting.every(({ isDecided, isAbandoned }) => isDecided || isAbandoned))
  }

  /** Takes in what the remote has now. @throws what the next round fails with */
  pull(): Promise<void> {
    const { looks } = this.line
    return this.waitUntil(() => this.lastLook > looks, true)
  }

  conflicts(): Conflict[] {
    return conflictsOf(this.parts.outbox.conflicts)
  }

  /** @throws ConflictNotFoundError, and what `append` throws */
  async retry(id: string, { appends, condition }: Retry): Promise<AppendResult> {
    const known = this.getConflict(id)
    const newCondition = condition === undefined ? known.condition : (condition ?? undefined)
    const result = await this.append(appends ?? known.appends, newCondition)
    await this.parts.outbox.forget(id, 'durable')
    return result
  }

  /** @throws ConflictNotFoundError */
  async drop(id: string): Promise<void> {
    this.getConflict(id)
    await this.parts.outbox.forget(id, 'durable')
  }

  status(): SharedStatus {
    const { phase, line } = this
    const failure = this.lastError && failureOf(this.lastError, this.nextTryMs)
    const { lastPushMs, lastFetchMs } = this.remote
    const conflicts = this.parts.outbox.conflicts.length
    return { phase, provisional: line.events, conflicts, lastPushMs, lastFetchMs, failure }
  }

  /** Lets those who wait for the remote have their answer, pushes what can be pushed, and stops. */
  async close(): Promise<void> {
    this.isClosing = true
    this.alarm.ring()
    await this.running
    await this.parts.outbox.close()
  }

  private getConflict(id: string): Conflict {
    const conflict = this.conflicts().find((one) => one.id === id)
    if (conflict === undefined) throw new ConflictNotFoundError(id)
    return conflict
  }

  private checkOpen(): void {
    if (this.isClosing) throw new LogClosedError()
  }

  private start(): void {
    this.running = this.run()
  }

  private async run(): Promise<void> {
    if (this.lastError !== undefined) await this.backOff()
    while (await this.hasWork()) {
      try {
        const hasTried = await this.round()
        this.lastError = undefined
        this.answerWaiters()
        if (hasTried) await this.rest()
      } catch (error) {
        this.fail(error instanceof Error ? error : new Error(String(error)))
        await this.backOff()
      }
    }
    this.phase = 'stopped'
    for (const { reject } of this.waiters.splice(0)) reject(new LogClosedError())
  }

  private get isLookDue(): boolean {
    return this.mustLook || this.waiters.some(({ needsLook }) => needsLook)
  }

  private get isAwaited(): boolean {
    return this.line.appends.some(({ isAwaited }) => isAwaited)
  }

  /** Idles until there is something to do; false when it is time to stop. */
  private async hasWork(): Promise<boolean> {
    while (!this.isLookDue && this.line.isEmpty && this.waiters.length === 0 && !this.isClosing) {
      this.phase = 'idle'
      if (await this.alarm.wait(this.parts.fetchMs, false)) this.mustLook = true
      this.pace.idles(performance.now())
    }
    if (!this.isClosing) return true
    // What was accepted here is safe in the outbox; whoever waits for the remote is answered first.
    return this.isAwaited || (!this.line.isEmpty && this.lastError === undefined)
  }

  /** @returns whether it tried to push */
  private async round(): Promise<boolean> {
    const began = performance.now()
    this.asked = [...this.waiters]
    this.line.dropAbandoned()
    if (this.isLookDue || (this.pace.hasOthers && !this.line.isEmpty)) await this.look()
    const proposal = await this.compose()
    if (proposal === undefined) {
      // Whoever is left was refused on a branch that may be old by now.
      this.mustLook = !this.line.isEmpty
      return false
    }
    const isTaken = await this.propose(proposal)
    const now = performance.now()
    if (isTaken) this.pace.won(now, now - began, this.remote.takeOthers())
    else this.pace.loses(now - began)
    return true
  }

  private async look(): Promise<void> {
    this.phase = 'fetching'
    const look = this.line.beginLook()
    const hasMoved = await this.remote.fetch(() => this.line.withdraw())
    if (hasMoved) this.parts.onMoved()
    await this.decide(async () => [...(await this.line.place()), ...this.line.refuse(look)])
    this.lastLook = look
    this.mustLook = false
  }

  private compose(): Promise<Proposal | undefined> {
    this.phase = 'composing'
    return this.parts.draft.exclusively(async () => {
      await tell(await this.line.place())
      return this.line.propose()
    })
  }

  /** @returns whether the remote took it; if not, somebody else was faster */
  private async propose(proposal: Proposal): Promise<boolean> {
    const look = this.line.beginLook()
    this.phase = 'pushing'
    this.proposal = proposal
    // Until the branch here holds it, too.
    this.mustLook = true
    let mayHaveArrived = true
    try {
      await this.remote.push(proposal.states.at(-1)!.commit)
      this.lastError = undefined
      this.phase = 'confirming'
      await this.decide(async () => [...(await this.line.confirm(proposal)), ...this.line.refuse(look)])
    } catch (error) {
      if (error instanceof RemoteFailedError) mayHaveArrived = error.mayHaveArrived
      if (mayHaveArrived) this.line.doubt(proposal)
      if (!(error instanceof RemoteFailedError && error.kind === 'conflict')) throw error
      return false
    } finally {
      this.proposal = undefined
    }
    this.mustLook = false
    this.lastLook = look
    this.parts.onMoved()
    return true
  }

  private async decide(task: () => Promise<Decision[]>): Promise<void> {
    await tell(await this.parts.draft.exclusively(task))
  }

  private async rest(): Promise<void> {
    const ms = this.pace.waitMs(this.parts.chance())
    if (ms === 0 || this.isClosing) return
    this.phase = 'resting'
    await this.alarm.wait(ms, true)
  }

  private fail(error: Error): void {
    if (this.lastError === undefined) this.parts.onFailure(error)
    this.lastError = error
    this.mustLook = true
    this.pace.fails()
    const backoffMs = this.pace.backoffMs(this.parts.chance())
    this.nextTryMs = this.parts.clock.now() + backoffMs
    // Whoever asked after this round had begun has the next one.
    this.waiters = this.waiters.filter((waiter) => !this.asked.includes(waiter))
    for (const { reject } of this.asked.splice(0)) reject(error)
    if (!mayPass(error)) this.refuseAwaited(error)
  }

  /** The remote takes nothing from us: those who wait for it need not wait any longer. */
  private refuseAwaited(error: Error): void {
    for (const append of this.line.appends.filter(({ isAwaited }) => isAwaited)) {
      append.isAbandoned = true
      void append.settle({
        kind: 'refused',
        error: append.mayBeStored ? new NotConfirmedError(true, error) : error,
      })
    }
  }

  private async backOff(): Promise<void> {
    if (this.isClosing && !this.isAwaited) return
    this.phase = 'backing off'
    await this.alarm.wait(this.nextTryMs - this.parts.clock.now(), this.isAwaited)
  }

  private isProposed({ placement }: WaitingAppend): boolean {
    return placement !== undefined && (this.proposal?.placements.includes(placement) ?? false)
  }

  private waitUntil(isDone: () => boolean, needsLook = false): Promise<void> {
    return new Promise((resolve, reject) => {
      this.checkOpen()
      this.waiters.push({ isDone, needsLook, resolve, reject })
      this.wake('idle', 'backing off')
    })
  }

  private answerWaiters(): void {
    const answered = this.waiters.filter(({ isDone }) => isDone())
    this.waiters = this.waiters.filter((waiter) => !answered.includes(waiter))
    for (const { resolve } of answered) resolve()
  }

  private wake(...phases: readonly SharedPhase[]): void {
    if (phases.includes(this.phase)) this.alarm.ring()
  }
}

/** Whether a failure may pass by itself: then it is worth waiting for. */
function mayPass(error: Error): boolean {
  return error instanceof RemoteFailedError && ['network', 'unknown', 'conflict'].includes(error.kind)
}
