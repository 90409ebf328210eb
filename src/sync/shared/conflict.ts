import type { AppendCondition } from '../../event/condition.ts'
import { MemoirError } from '../../event/errors.ts'
import type { StreamAppend } from '../../log/preparation.ts'
import type { ConflictReason, OutboxEntry } from './outbox-record.ts'
import { type PendingAppend, pendingOf } from './pending.ts'

/**
 * An append that was accepted here and did not hold on the remote, or was withdrawn. It is kept until somebody
 * decides.
 */
export interface Conflict extends PendingAppend {
  /** Why it did not hold: the error it would have been refused with; `append-withdrawn` for a withdrawn one. */
  readonly reason: ConflictReason
}

/** What to change when an append is tried again. */
export interface Retry {
  /** Other events, streams, or expected versions. Default: as they were. */
  readonly appends?: readonly StreamAppend[]
  /** Another condition; null for none. Default: as it was. */
  readonly condition?: AppendCondition | null
  /** Ends the wait for the remote. */
  readonly signal?: AbortSignal
}

/** There is no such conflict: it was decided, or never was one. */
export class ConflictNotFoundError extends MemoirError {
  readonly code = 'conflict-not-found'
  constructor(readonly id: string) {
    super(`there is no conflict "${id}"`, {
      hint: 'See `log.conflicts()` or `memoir conflicts` for those there are.',
    })
  }
}

/** The conflicts among what an outbox keeps, oldest first. */
export function conflictsOf(entries: readonly OutboxEntry[]): Conflict[] {
  return entries.flatMap((entry) =>
    entry.conflict === undefined ? [] : [{ ...pendingOf(entry), reason: entry.conflict }],
  )
}
