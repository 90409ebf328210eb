import { type AppendOptions, normaliseAppend } from './append-call.ts'
import type { NewEvent } from './event/event.ts'
import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import type { AppendResult } from './log/placement.ts'
import type { StreamAppend } from './log/preparation.ts'
import { LogHandle, type LogParts, TRANSFER, type WaitOptions } from './log-handle.ts'
import type { TransferOptions } from './repository/remote-transfer.ts'
import { NotPushedError } from './sync/errors.ts'
import type { PullResult } from './sync/pull.ts'
import type { PushResult } from './sync/push/push-attempt.ts'

/** What a log whose only writer this is has beside that. */
export interface WriterParts extends LogParts {
  readonly push: (remote: string | undefined, options: TransferOptions) => Promise<PushResult>
  /** Resolves when the authority has what is committed now. */
  readonly whenPushed: (options: TransferOptions) => Promise<PushResult>
  readonly pull: (remote: string | undefined, options: TransferOptions) => Promise<PullResult>
}

/**
 * An open log: append, read, and the state of its projections. Made by `open` and `clone`.
 *
 * ```ts
 * await using log = await open('bank.git')
 * await log.append('account-1', [{ type: 'MoneyDeposited', data: { amount: 10 } }])
 * for await (const event of log.read({ stream: 'account-1' })) console.log(event.type, event.data)
 * ```
 */
export class Log extends LogHandle<WriterParts> {
  /**
   * Appends events to a stream, all or none. They are in the state of the projections when it resolves.
   *
   * Costs one write and sync of the disk (0.3 ms), shared by all appends that wait at the same time.
   *
   * An append whose events all carry ids that stand already where it expects them succeeds again with the
   * first result, so a retry after an unknown outcome is safe.
   *
   * @throws ConcurrencyError when the stream, or what the condition selects, does not stand as expected
   * @throws InvalidEventError, InvalidDataError, InvalidStreamError, EventTooLargeError, AppendTooLargeError,
   *   TimeBackwardsError, ClockError
   * @throws DuplicateIdError when some of the given ids are stored already, elsewhere
   * @throws JournalFullError when the disk is full: nothing was stored
   * @throws JournalFailedError when the disk failed: open the log again and look
   * @throws BranchUnreadableError when somebody committed what cannot be taken in: nothing was stored
   * @throws BacklogFullError, LogDivergedError, SealFailedError, NotPushedError: see docs/errors.md
   */
  append(stream: string, events: readonly NewEvent[], options?: AppendOptions): Promise<AppendResult>
  /**
   * Appends to several streams, all or none. Each is named once; costs and errors are those of the other form.
   *
   * ```ts
   * await log.append([
   *   { stream: 'account-1', events: [{ type: 'MoneyWithdrawn', data: { amount: 5 } }], expectedVersion: 3 },
   *   { stream: 'account-2', events: [{ type: 'MoneyDeposited', data: { amount: 5 } }] },
   * ])
   * ```
   */
  append(
    appends: readonly StreamAppend[],
    options?: Omit<AppendOptions, 'expectedVersion'>,
  ): Promise<AppendResult>
  append(
    target: string | readonly StreamAppend[],
    second?: readonly NewEvent[] | Omit<AppendOptions, 'expectedVersion'>,
    third?: AppendOptions,
  ): Promise<AppendResult> {
    try {
      const { appends, condition, ack, signal } = normaliseAppend(target, second, third, 'journaled')
      if (signal !== undefined) checkOptionKinds('append', { signal }, { signal: 'signal' })
      signal?.throwIfAborted()
      const appended = this.parts.log.append(appends, condition, ack)
      return ack === 'pushed' ? appended.then((result) => this.pushAppended(result, signal)) : appended
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Commits what is journaled; durable when it resolves. Happens by itself `seal.afterMs` after an append. Costs some ms.
   *
   * @throws LogDivergedError, SealFailedError, ReadOnlyError, LogClosedError
   */
  seal(): Promise<void> {
    return this.parts.log.seal()
  }

  /**
   * Replaces small batch files by larger ones with the same lines; happens by itself as a log grows. Reads and writes again
   * what lies in files of less than 512 KiB.
   *
   * @returns how many files stood in the log before and after
   * @throws LogDivergedError, SealFailedError, BranchUnreadableError, ReadOnlyError, LogClosedError
   * @throws RefMovedError when somebody else moved the branch meanwhile, and the signal's reason: what was folded until then
   *   stays so, and a fold that is asked for again does the rest
   */
  async fold(options: WaitOptions = {}): Promise<{ readonly before: number; readonly after: number }> {
    checkOptionKinds('fold', options, { signal: 'signal' })
    return this.parts.log.fold(options.signal)
  }

  /**
   * Seals, then pushes the branch to a remote, fast-forward only; resolves when the remote has it. Calls that
   * come while a push is under way share the next one. It starts at once, whatever failed before.
   *
   * A push whose connection was cut is looked for on the remote before anything is said about it:
   * `mayHaveArrived` of the error tells whether even that gave no answer.
   *
   * ```ts
   * const { commit, position } = await log.push()
   * await log.push('/mnt/backup/bank.git')
   * ```
   *
   * @param remote name or address; default: the log's
   * @throws RemoteFailedError, InvalidRemoteError, GitMissingError
   */
  async push(remote?: string, options: TransferOptions = {}): Promise<PushResult> {
    checkTransfer('push', remote, options)
    return this.parts.push(remote, options)
  }

  /**
   * Fetches the branch from a remote and takes in what it brings, fast-forward only, after a look at it.
   *
   * ```ts
   * const { from, to } = await log.pull()
   * ```
   *
   * @param remote name or address; default: the log's
   * @throws RemoteFailedError, HistoryForkedError, InvalidBatchError, UnexpectedEntryError
   */
  async pull(remote?: string, options: TransferOptions = {}): Promise<PullResult> {
    checkTransfer('pull', remote, options)
    return this.parts.pull(remote, options)
  }

  /**
   * Seals what waits, makes a last push if the log pushes by itself, and gives the writer's lock back.
   *
   * The last push is cut off after `push.closeWithin`. Commits that a remote lacks then are told through the
   * notice `unpushed`; they are on this disk, and the next process that opens the log pushes them.
   *
   * @throws LogDivergedError, SealFailedError: it is closed all the same, and the journal keeps the events
   */
  override close(): Promise<void> {
    return super.close()
  }

  private async pushAppended(result: AppendResult, signal: AbortSignal | undefined): Promise<AppendResult> {
    try {
      await this.parts.whenPushed({ signal })
      return result
    } catch (cause) {
      const isCut = signal?.aborted ?? false
      throw new NotPushedError(result.position, result.commit ?? '', cause, { isCut })
    }
  }
}

function checkTransfer(call: string, remote: string | undefined, options: TransferOptions): void {
  if (remote !== undefined) checkText(call, 'name or address of a remote', remote)
  checkOptionKinds(call, options, TRANSFER)
}
