import { type AppendCondition, copyCondition } from '../../event/condition.ts'
import { MemoirError } from '../../event/errors.ts'
import { newEventOf } from '../../event/new-event.ts'
import { JournalFullError } from '../../journal/errors.ts'
import type { PreparedAppend } from '../../log/append-check.ts'
import type { Draft } from '../../log/draft.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { AppendResult } from '../../log/placement.ts'
import type { StreamAppend } from '../../log/preparation.ts'
import { type Line, tell } from './line.ts'
import type { Outbox } from './outbox.ts'
import type { ConflictReason, OutboxEntry } from './outbox-record.ts'
import { type Outcome, WaitingAppend } from './waiting-append.ts'

/** An append that was accepted here: it has no place in the log yet, and may still be refused. */
export interface ProvisionalResult {
  readonly isProvisional: true
  /** Ids of the events, in order. */
  readonly ids: readonly string[]
}

export interface OfflineAppendsParts {
  readonly log: EventLog
  readonly draft: Draft
  readonly line: Line
  readonly outbox: Outbox
  readonly newKey: () => string
  /** Whether something is on its way to the remote: then all keep their places. */
  readonly isPushing: () => boolean
  /** Told of each append that was accepted and did not hold. */
  readonly onConflict: (id: string, error: Error) => void
}

/** An append that is not in the outbox yet. */
interface Fresh {
  readonly append: WaitingAppend
  readonly entry: OutboxEntry
  readonly resolve: (result: AppendResult | ProvisionalResult) => void
  readonly reject: (error: unknown) => void
}

/**
 * Accepts appends without the remote: held against all that is known here, and safe in the outbox.
 *
 * fresh → accepted (in the outbox) → confirmed | conflict      (fresh → refused)
 */
export class OfflineAppends {
  private readonly fresh: Fresh[] = []
  private admitting: Promise<void> | undefined

  constructor(private readonly parts: OfflineAppendsParts) {
    for (const entry of parts.outbox.pending) this.recover(entry)
  }

  /**
   * Accepts an append; the log's own result when it turns out to be a repetition.
   *
   * @throws ConcurrencyError, DuplicateIdError, JournalFullError, JournalFailedError
   */
  accept(
    appends: readonly StreamAppend[],
    condition: AppendCondition | undefined,
  ): Promise<AppendResult | ProvisionalResult> {
    const { log, line, draft, outbox, newKey } = this.parts
    const prepared = log.prepare(appends, condition)
    const entry: OutboxEntry = { key: newKey(), append: asStored(prepared, condition) }
    return new Promise((resolve, reject) => {
      const append = new WaitingAppend(prepared, condition, entry, (outcome) => {
        if (outbox.holds(entry.key)) return this.settle(append, entry.key, outcome)
        // It was decided before it was accepted.
        if (outcome.kind === 'confirmed') resolve(outcome.result)
        else reject(outcome.error)
      })
      append.isFresh = true
      line.add(append)
      this.fresh.push({ append, entry, resolve, reject })
      // Those that come before the log is free share one write to the outbox.
      this.admitting ??= draft.exclusively(() => this.admit())
    })
  }

  private async admit(): Promise<void> {
    this.admitting = undefined
    const fresh = this.fresh.splice(0)
    for (const { append } of fresh) append.isFresh = false
    const { line, isPushing } = this.parts
    // The next round, which would do that, may be far off.
    if (!isPushing()) line.dropAbandoned()
    try {
      await tell(await line.place())
      const undecided = fresh.filter(({ append }) => !append.isDecided)
      const accepted = undecided.filter(({ append, reject }) => {
        if (append.refusal === undefined) return true
        const { error } = append.refusal
        line.remove(append)
        // For a push that waits until all is decided that was in the line.
        append.outcome = { kind: 'refused', error }
        reject(error)
        return false
      })
      await this.parts.outbox.add(accepted.map(({ entry }) => entry))
      for (const { append, resolve } of accepted) resolve({ isProvisional: true, ids: append.ids })
    } catch (error) {
      for (const { append, reject } of fresh) {
        append.isAbandoned = true
        reject(error)
      }
    }
  }

  /** Takes up an append that an earlier process accepted: it may have pushed it as well. */
  private recover(entry: OutboxEntry): void {
    const { appends, condition } = entry.append
    // It was accepted, whatever the limit is now: a log that did not open for it could never push it.
    const prepared = this.parts.log.prepare(appends, condition, Number.POSITIVE_INFINITY)
    const append = new WaitingAppend(prepared, condition, entry, (outcome) =>
      this.settle(append, entry.key, outcome),
    )
    this.parts.line.add(append)
  }

  private async settle(append: WaitingAppend, key: string, outcome: Outcome): Promise<void> {
    const { line, outbox, onConflict } = this.parts
    try {
      // One that comes back after a power cut is found on the remote by its ids.
      if (outcome.kind === 'confirmed') await outbox.forget(key, 'written')
      else await outbox.refuse(key, reasonOf(outcome.error))
    } catch (error) {
      // There may be room for it the next time.
      if (error instanceof JournalFullError) line.addAgain(append)
      throw error
    }
    if (outcome.kind === 'refused') onConflict(key, outcome.error)
  }
}

/** As it was checked: what a getter gave then it may not give to whoever reads it again, and a copy may not have it. */
function asStored(
  prepared: readonly PreparedAppend[],
  condition: AppendCondition | undefined,
): OutboxEntry['append'] {
  const appends = prepared.map(({ stream, expected, events }) => ({
    stream,
    expectedVersion: expected,
    events: events.map(newEventOf),
  }))
  return { appends, ...(condition && { condition: copyCondition(condition) }) }
}

function reasonOf(error: Error): ConflictReason {
  return { code: error instanceof MemoirError ? error.code : 'unknown', message: error.message }
}
