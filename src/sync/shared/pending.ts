import type { AppendCondition } from '../../event/condition.ts'
import { MemoirError } from '../../event/errors.ts'
import type { StreamAppend } from '../../log/preparation.ts'
import type { OutboxEntry } from './outbox-record.ts'

/** An append that was accepted here and that the remote has not confirmed yet. */
export interface PendingAppend {
  readonly id: string
  /** What was asked for, with the ids of its events. */
  readonly appends: readonly StreamAppend[]
  readonly condition: AppendCondition | undefined
}

/** What an outbox keeps, as those see it who decide about it. */
export function pendingOf({ key, append }: OutboxEntry): PendingAppend {
  return { id: key, appends: append.appends, condition: append.condition }
}

/** No append of this id waits for the remote: it was decided, or never was one. */
export class PendingNotFoundError extends MemoirError {
  readonly code = 'pending-not-found'
  constructor(readonly id: string) {
    super(`no append "${id}" waits for the remote`, {
      hint: 'See `log.pending()` or `memoir pending` for those that do. It may be on the remote by now, or be a conflict: `log.conflicts()`, `memoir conflicts`.',
    })
  }
}

/** The remote holds an append that was to be withdrawn, or to be replaced by another one. */
export class AppendStoredError extends MemoirError {
  readonly code = 'append-stored'
  constructor(readonly id: string) {
    super(`the append "${id}" is on the remote already`, {
      hint: 'Look what is stored, and append another event that corrects it. If it stands among the conflicts, drop it there.',
    })
  }
}

/** Why a withdrawn append is a conflict. Never thrown. */
export class AppendWithdrawnError extends MemoirError {
  readonly code = 'append-withdrawn'
  constructor() {
    super('it was withdrawn here before the remote had it', {
      hint: 'Decide about it as about any conflict: `log.conflicts()` or `memoir conflicts`.',
    })
  }
}
