import { isDeepStrictEqual } from 'node:util'
import type { AppendCondition } from '../../event/condition.ts'
import { hasGivenIds, type PreparedAppend } from '../../log/append-check.ts'
import { LogClosedError } from '../../log/errors.ts'
import type { AppendResult } from '../../log/placement.ts'
import type { StreamAppend } from '../../log/preparation.ts'
import { onAbort } from '../../system/on-abort.ts'
import { NotConfirmedError } from '../errors.ts'
import { type Conflict, ConflictNotFoundError, conflictsOf, type Retry } from './conflict.ts'
import { Line } from './line.ts'
import { OfflineAppends, type ProvisionalResult } from './offline-appends.ts'
import type { Outbox } from './outbox.ts'
import { AppendStoredError, type PendingAppend, PendingNotFoundError, pendingOf } from './pending.ts'
import { RoundLoop } from './round-loop.ts'
import type { RoundLoopParts } from './round-loop-parts.ts'
import type { SharedStatus } from './shared-status.ts'
import { WaitingAppend } from './waiting-append.ts'

export interface SharedWriterParts extends RoundLoopParts {
  readonly outbox: Outbox
  readonly newKey: () => string
  /** How long an append waits for the remote, in milliseconds. */
  readonly patienceMs: number
  /** How long closing waits for the remote, in milliseconds. */
  readonly closeWithinMs: number
  /** Told of each append that was accepted here and did not hold. */
  readonly onConflict: (id: string, error: Error) => void
}

/** Appends to a remote branch that others append to as well. */
export class SharedWriter {
  private readonly line: Line
  private readonly loop: RoundLoop
  private readonly offline: OfflineAppends
  private isClosing = false
  /** Tells those who still wait for the remote that it did not answer. Node warns of a signal with many listeners. */
  private readonly givingUp = new Set<() => void>()

  private constructor(private readonly parts: SharedWriterParts) {
    this.line = new Line(parts.draft)
    this.loop = new RoundLoop(parts, this.line)
    const isPushing = () => !this.loop.underWay.isEmpty
    this.offline = new OfflineAppends({ ...parts, line: this.line, isPushing })
  }

  /**
   * Starts with a look at the remote; one that cannot be reached does not stand in the way.
   *
   * @throws HistoryForkedError, RemoteRewoundError, RemoteBranchMissingError, InvalidRemoteError,
   *   GitMissingError, and what taking in foreign commits throws
   */
  static async open(parts: SharedWriterParts, signal?: AbortSignal): Promise<SharedWriter> {
    const writer = new SharedWriter(parts)
    await writer.loop.start(signal)
    return writer
  }

  /**
   * Appends; resolves when the remote has it.
   *
   * @param conflict what it is to take the place of
   * @throws ConcurrencyError, DuplicateIdError, TimeBackwardsError: it does not hold on the remote
   * @throws AppendStoredError when the remote has the one that it is to replace
   * @throws NotConfirmedError when the remote does not answer in time, or the signal is aborted
   * @throws RemoteFailedError, HistoryForkedError … when the remote takes nothing from us: nothing was stored
   */
  async append(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
    signal?: AbortSignal,
    conflict?: Conflict,
  ): Promise<AppendResult> {
    this.checkOpen()
    const prepared = this.parts.log.prepare(appends, condition)
    const replaced = conflict && isReplaced(conflict, appends, prepared) ? conflict : undefined
    const insteadOf = replaced && { key: replaced.id, appends: this.prepareStored(replaced) }
    return new Promise((resolve, reject) => {
      const append = new WaitingAppend(prepared, condition, { insteadOf }, (outcome) => {
        stopWaiting()
        if (outcome.kind === 'confirmed') resolve(outcome.result)
        else reject(outcome.error)
      })
      const leave = (cause: unknown) => {
        stopWaiting()
        append.isAbandoned = true
        reject(new NotConfirmedError(this.mayBeStored(append), cause))
      }
      const cutOff = () => {
        leave(signal?.reason)
        this.loop.cutOff()
      }
      const giveUp = () => leave(this.loop.lastError)
      const patience = setTimeout(giveUp, this.parts.patienceMs)
      const stopListening = onAbort(signal, cutOff)
      this.givingUp.add(giveUp)
      const stopWaiting = () => {
        clearTimeout(patience)
        stopListening()
        this.givingUp.delete(giveUp)
      }
      this.line.add(append)
      this.loop.wake()
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
    this.loop.wake()
    return accepted
  }

  /**
   * Resolves when all that waits now is confirmed, or a conflict.
   *
   * @throws what the next round fails with, and the signal's reason
   */
  async push(signal?: AbortSignal): Promise<void> {
    this.checkOpen()
    const waiting = this.line.appends
    const isDone = () => waiting.every(({ isDecided, isAbandoned }) => isDecided || isAbandoned)
    return this.loop.waitUntil(isDone, signal)
  }

  /** Takes in what the remote has now. @throws what the next round fails with, and the signal's reason */
  async pull(signal?: AbortSignal): Promise<void> {
    this.checkOpen()
    return this.loop.waitForLook(signal)
  }

  pending(): PendingAppend[] {
    return this.parts.outbox.pending.map(pendingOf)
  }

  /**
   * Makes a conflict of an append that waits, after a look at the remote has shown that it is not there.
   *
   * @throws PendingNotFoundError
   * @throws AppendStoredError when the remote has it
   * @throws what the next round fails with, and the signal's reason: then it goes on waiting
   */
  async withdraw(id: string, signal?: AbortSignal): Promise<void> {
    this.checkOpen()
    const { line, loop, parts } = this
    const isPending = () => parts.outbox.pending.some(({ key }) => key === id)
    const append = line.appends.find(({ key }) => key === id)
    if (append === undefined || !isPending()) throw new PendingNotFoundError(id)
    append.withdrawals++
    try {
      await loop.waitForLook(signal, () => !isPending())
    } catch (error) {
      // It may be about the others, which are pushed after the look.
      if (isPending()) throw error
    } finally {
      append.withdrawals--
    }
    if (append.outcome?.kind === 'confirmed') throw new AppendStoredError(id)
  }

  conflicts(): Conflict[] {
    return conflictsOf(this.parts.outbox.conflicts)
  }

  /** @throws ConflictNotFoundError, AppendStoredError, and what `append` throws */
  async retry(id: string, { appends, condition, signal }: Retry): Promise<AppendResult> {
    const known = this.getConflict(id)
    const newCondition = condition === undefined ? known.condition : (condition ?? undefined)
    const result = await this.append(appends ?? known.appends, newCondition, signal, known)
    // It is on the remote: where there is no room to say so here, the conflict stays, and can be dropped.
    await this.parts.outbox.forget(id, 'durable').catch(() => undefined)
    return result
  }

  /** @throws ConflictNotFoundError */
  async drop(id: string): Promise<void> {
    this.getConflict(id)
    await this.parts.outbox.forget(id, 'durable')
  }

  status(): SharedStatus {
    const { phase, failure, remote } = this.loop
    const { lastPushMs, lastFetchMs } = remote
    const conflicts = this.parts.outbox.conflicts.length
    const provisional = this.line.countEvents((append) => this.loop.underWay.holds(append))
    return { phase, provisional, conflicts, lastPushMs, lastFetchMs, failure }
  }

  /**
   * Lets those who wait for the remote have their answer, pushes what can be pushed, and stops. What is not done
   * in time is cut off: whoever waits for it is told, and the outbox keeps what was accepted without the remote.
   */
  async close(): Promise<void> {
    const { closeWithinMs, outbox, draft } = this.parts
    const stop = () => {
      for (const giveUp of [...this.givingUp]) giveUp()
      this.loop.stop()
    }
    this.isClosing = true
    if (closeWithinMs === 0) stop()
    const timer = setTimeout(stop, closeWithinMs)
    await this.loop.close()
    clearTimeout(timer)
    // Behind those that were asked for before and are being accepted.
    await draft.exclusively(() => outbox.close())
  }

  private mayBeStored(append: WaitingAppend): boolean {
    if (append.mayBeStored || this.loop.underWay.holds(append)) return true
    // It may be a repetition: whoever made it first may have been told to make it again.
    return hasGivenIds(append.appends) && this.loop.lastLook <= append.arrived
  }

  /** What an append is known by, wherever it stands. */
  private prepareStored({ appends }: PendingAppend): readonly PreparedAppend[] {
    const anywhere = appends.map(({ stream, events }) => ({ stream, events }))
    return this.parts.log.prepare(anywhere, undefined, Number.POSITIVE_INFINITY)
  }

  private getConflict(id: string): Conflict {
    const conflict = this.conflicts().find((one) => one.id === id)
    if (conflict === undefined) throw new ConflictNotFoundError(id)
    return conflict
  }

  private checkOpen(): void {
    if (this.isClosing) throw new LogClosedError()
  }
}

/**
 * Whether others are to take the place of a conflict's events, which a push that was still under way on the host may have
 * stored since: those of a withdrawn append, or of one that rested on such.
 */
function isReplaced(
  { reason, appends: known }: Conflict,
  appends: readonly StreamAppend[],
  prepared: readonly PreparedAppend[],
): boolean {
  if (reason.code === 'duplicate-id') return false
  const eventsOf = (list: readonly StreamAppend[]) => list.map(({ stream, events }) => ({ stream, events }))
  if (reason.code === 'append-withdrawn') return !isDeepStrictEqual(eventsOf(appends), eventsOf(known))
  // What keeps its ids is found by them.
  const ids = new Set<string | undefined>(prepared.flatMap(({ events }) => events.map(({ id }) => id)))
  return known.some(({ events }) => events.some(({ id }) => !ids.has(id)))
}
