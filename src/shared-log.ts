import { type AppendOptions, checkStreamAppends, normaliseAppend } from './append-call.ts'
import type { NewEvent } from './event/event.ts'
import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import type { AppendResult } from './log/placement.ts'
import type { StreamAppend } from './log/preparation.ts'
import { LogHandle, type LogParts, type WaitOptions } from './log-handle.ts'
import type { Conflict, Retry } from './sync/shared/conflict.ts'
import type { ProvisionalResult } from './sync/shared/offline-appends.ts'
import type { PendingAppend } from './sync/shared/pending.ts'
import type { SharedWriter } from './sync/shared/shared-writer.ts'

export interface SharedLogParts extends LogParts {
  readonly shared: SharedWriter
}

/** How an append to a shared log is accepted: default ack `'pushed'`. */
export interface ConfirmedAppendOptions extends AppendOptions {
  readonly ack?: 'pushed'
}

/**
 * A log whose remote takes appends from any number of writers, each with a clone of its own. Made by `open`
 * with `mode: 'shared'`.
 *
 * Reads and state show what the remote has confirmed, and nothing else.
 *
 * ```ts
 * await using log = await open('seats.git', { remote: 'git@example.org:seats.git', mode: 'shared' })
 * await log.append('seat-12', [{ type: 'SeatTaken' }], { expectedVersion: 'no-stream' })
 * ```
 */
export class SharedLog extends LogHandle<SharedLogParts> {
  /**
   * Appends events to a stream, all or none; resolves when the remote has them and they are in the state here.
   * All appends that wait at the same time share one push.
   *
   * With another ack level than `'pushed'` it does not wait for the remote, nor need one: it is held against
   * what is known here, and safe on this disk when it resolves. It has no position yet, and what does not hold
   * once the remote is reached becomes a conflict.
   *
   * An append that is repeated with the same event ids succeeds with its first result, whichever process
   * made it.
   *
   * @throws ConcurrencyError when the stream, or what the condition selects, does not stand as expected
   * @throws DuplicateIdError, TimeBackwardsError, ClockError, InvalidEventError, InvalidDataError, InvalidStreamError,
   *   EventTooLargeError, AppendTooLargeError: nothing was stored
   * @throws NotConfirmedError when the remote did not confirm it in time: repeat it with the same ids
   * @throws RemoteFailedError, HistoryForkedError when the remote takes nothing from us: nothing was stored
   * @throws JournalFullError, JournalFailedError with another ack level
   */
  append(stream: string, events: readonly NewEvent[], options?: ConfirmedAppendOptions): Promise<AppendResult>
  append(
    stream: string,
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<AppendResult | ProvisionalResult>
  /** Appends to several streams, all or none. */
  append(
    appends: readonly StreamAppend[],
    options?: Omit<ConfirmedAppendOptions, 'expectedVersion'>,
  ): Promise<AppendResult>
  append(
    appends: readonly StreamAppend[],
    options?: Omit<AppendOptions, 'expectedVersion'>,
  ): Promise<AppendResult | ProvisionalResult>
  async append(
    target: string | readonly StreamAppend[],
    second?: readonly NewEvent[] | Omit<AppendOptions, 'expectedVersion'>,
    third?: AppendOptions,
  ): Promise<AppendResult | ProvisionalResult> {
    const { appends, condition, ack, signal } = normaliseAppend(target, second, third, 'pushed')
    checkOptionKinds('append', { signal }, { signal: 'signal' })
    signal?.throwIfAborted()
    const { shared } = this.parts
    return ack === 'pushed'
      ? shared.append(appends, condition, signal)
      : shared.appendOffline(appends, condition)
  }

  /**
   * Resolves when all that waits now is confirmed, or a conflict.
   *
   * @throws what keeps the remote from it, and the signal's reason: what waits goes on waiting
   */
  async push(options: WaitOptions = {}): Promise<void> {
    checkOptionKinds('push', options, { signal: 'signal' })
    return this.parts.shared.push(options.signal)
  }

  /**
   * Takes in what the remote has now.
   *
   * @throws RemoteFailedError, HistoryForkedError, InvalidBatchError …, and the signal's reason
   */
  async pull(options: WaitOptions = {}): Promise<void> {
    checkOptionKinds('pull', options, { signal: 'signal' })
    return this.parts.shared.pull(options.signal)
  }

  /** Appends that were accepted here and that the remote has not confirmed yet, oldest first. They outlast a restart. */
  pending(): PendingAppend[] {
    return this.parts.shared.pending()
  }

  /**
   * Takes an append out of those that wait for the remote, and makes a conflict of it, with the reason
   * `append-withdrawn`. For one that the remote never takes, and that holds up all that came after it. What rests
   * on it becomes a conflict as well; all else goes on.
   *
   * It needs the remote: a push that is under way is waited for, and an append that the remote has turns out to
   * be confirmed.
   *
   * ```ts
   * for (const { id, appends } of log.pending()) {
   *   if (isRefused(appends)) await log.withdraw(id)
   * }
   * ```
   *
   * @throws PendingNotFoundError
   * @throws AppendStoredError when the remote has it: it is confirmed
   * @throws RemoteFailedError, HistoryForkedError … when the remote cannot be looked at, and the signal's reason:
   *   then it goes on waiting
   */
  async withdraw(id: string, options: WaitOptions = {}): Promise<void> {
    checkText('withdraw', 'the id of an append that waits', id)
    checkOptionKinds('withdraw', options, { signal: 'signal' })
    return this.parts.shared.withdraw(id, options.signal)
  }

  /**
   * Appends that were accepted here and did not hold on the remote, or were withdrawn, oldest first. They outlast
   * a restart.
   */
  conflicts(): Conflict[] {
    return this.parts.shared.conflicts()
  }

  /**
   * Appends again what did not hold, changed or as it was, and forgets the conflict once the remote has it; on a full
   * disk it stays, and can be dropped. Events that keep their ids are never stored twice, so this too can be repeated.
   *
   * ```ts
   * for (const { id, appends } of log.conflicts()) {
   *   await log.retryConflict(id, { appends: appends.map((one) => ({ ...one, expectedVersion: 'any' })) })
   * }
   * ```
   *
   * @throws ConflictNotFoundError, and what `append` throws: then the conflict stays
   * @throws AppendStoredError when other events are to take the place of the conflict's, and a push of those has
   *   arrived after all: nothing was stored
   */
  async retryConflict(id: string, changes: Retry = {}): Promise<AppendResult> {
    checkText('retryConflict', 'the id of a conflict', id)
    checkOptionKinds('retryConflict', changes, { appends: 'list', condition: 'any', signal: 'signal' })
    checkStreamAppends(changes.appends ?? [])
    changes.signal?.throwIfAborted()
    return this.parts.shared.retry(id, changes)
  }

  /** Gives up what did not hold, or was withdrawn. Its events are forgotten. @throws ConflictNotFoundError */
  async dropConflict(id: string): Promise<void> {
    checkText('dropConflict', 'the id of a conflict', id)
    return this.parts.shared.drop(id)
  }
}
