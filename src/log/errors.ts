import type { ExpectedVersion } from '../event/condition.ts'
import { MemoirError, messageOf } from '../event/errors.ts'
import { isCurrentProcess, type ProcessIdentity } from '../system/process-identity.ts'

/** A stream, or what a query selects, does not stand where an append expected it. Nothing was stored. */
export class ConcurrencyError extends MemoirError {
  readonly code = 'concurrency'
  constructor(
    /** The stream; undefined when a query was not met. */
    readonly stream: string | undefined,
    /** The version that was expected; for a query, the position after which no match was expected. */
    readonly expected: ExpectedVersion,
    /** The version of the stream; for a query, the position of a match. */
    readonly actual: number,
  ) {
    super(
      stream === undefined
        ? `the event at position ${actual} matches the query, the append expected none after ${expected}`
        : `stream "${stream}" is at version ${actual}, the append expected ${expected}`,
      { hint: 'Read again, decide again, and retry.' },
    )
  }
}

/** An id that the caller gave is stored already, for an event at another place. Nothing was stored. */
export class DuplicateIdError extends MemoirError {
  readonly code = 'duplicate-id'
  constructor(
    readonly id: string,
    readonly position: number,
  ) {
    super(`the event id "${id}" is stored already, at position ${position}`, {
      hint: 'A retry has to repeat the whole append; a new event needs an id of its own.',
    })
  }
}

/** Another process, or another handle in this one, writes to the log. */
export class LogLockedError extends MemoirError {
  readonly code = 'log-locked'
  constructor(
    readonly path: string,
    readonly owner: ProcessIdentity,
  ) {
    super(
      isCurrentProcess(owner)
        ? `this process has the log open for writing already, since ${owner.since}`
        : `the log is being written by process ${owner.pid} on ${owner.host}, since ${owner.since}`,
      {
        hint: isCurrentProcess(owner)
          ? 'Use the log that is open, in the whole process, or close it first. Others can be opened with readOnly: true.'
          : 'Close that writer, or open the log with readOnly: true. A lock left on another machine is removed by `memoir doctor --fix`.',
      },
    )
  }
}

/** Somebody else moved the branch while events waited to be sealed. The journal keeps those events. */
export class LogDivergedError extends MemoirError {
  readonly code = 'log-diverged'
  constructor(
    /** The commit on which this writer builds. */
    readonly expected: string | undefined,
    /** The commit on which the branch stands. */
    readonly actual: string | undefined,
    /** How many acknowledged events wait in the journal. */
    readonly unsealed: number,
    details: { readonly cause?: unknown } = {},
  ) {
    super(
      `the branch was moved to ${actual ?? 'nothing'} by somebody else while ${unsealed === 1 ? '1 event' : `${unsealed} events`} waited to be sealed`,
      {
        ...details,
        hint: 'The events are safe in the journal. Move the branch back, or run `memoir doctor --fix` to append them after the foreign commits.',
      },
    )
  }
}

/** The branch stands at a commit that cannot be taken in, so nothing can be put on top of it. Nothing was stored. */
export class BranchUnreadableError extends MemoirError {
  readonly code = 'branch-unreadable'
  constructor(
    /** The commit; empty when the branch is gone. */
    readonly commit: string,
    /** The last one that was taken in. */
    before: string,
    /** The full name of the branch. */
    branch: string,
    cause: unknown,
  ) {
    super(`somebody moved the branch to what cannot be taken in: ${messageOf(cause)}`, {
      cause,
      hint:
        commit === ''
          ? `If it was renamed, give it its name again, with "git branch -m"; if not, bring it back with "git update-ref ${branch} ${before}". Then try again.`
          : `Set it back, with "git reset --keep ${before}", or "--soft" in a bare repository, then try again. A commit on top that mends it leaves it in the history, which replicas and restores refuse.`,
    })
  }
}

/** A commit has several parents: a log is a line. What is here stays. */
export class MergeCommitError extends MemoirError {
  readonly code = 'merge-commit'
  constructor(readonly commit: string) {
    super(`commit ${commit} is a merge: a log is a line without merges`, {
      hint: 'Take the merge back where it was made, and append the events of the other side anew.',
    })
  }
}

/** A commit changes or removes events that the log held before it. They are kept in memory and in history. */
export class HistoryChangedError extends MemoirError {
  readonly code = 'history-changed'
  constructor(
    readonly commit: string,
    /** The first event that is not what it was. */
    readonly position: number,
  ) {
    super(`commit ${commit} changes or removes events from position ${position} on`, {
      hint: 'A commit only ever adds events. Set the branch back to the one before it: a commit on top leaves it in the history.',
    })
  }
}

/** A commit belongs to another log: its manifest has another id. */
export class OtherLogError extends MemoirError {
  readonly code = 'other-log'
  constructor(
    readonly commit: string,
    /** The id of the log that is here. */
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`commit ${commit} belongs to another log: its id is ${actual}, not ${expected}`, {
      hint: 'Check the address of the remote. Each log needs a repository of its own.',
    })
  }
}

/** Events that are stored could not be shown to what keeps the state of the log. A mistake in Memoir itself. */
export class NotShownError extends MemoirError {
  readonly code = 'not-shown'
  constructor(
    /** The first of them. */
    readonly position: number,
    cause: unknown,
  ) {
    super(`events from position ${position} on could not be shown: ${messageOf(cause)}`, {
      cause,
      hint: 'Open the log again and look what it holds before you append again. Please report it.',
    })
  }
}

/** Events are safe in the journal but could not be committed yet; sealing goes on being tried. */
export class SealFailedError extends MemoirError {
  readonly code = 'seal-failed'
  constructor(
    /** The last position that is journaled. */
    readonly position: number,
    cause: unknown,
  ) {
    super(`events up to position ${position} are journaled but could not be committed: ${messageOf(cause)}`, {
      cause,
      hint: 'Do not append them again: they are stored. Mend the cause; the next seal commits them.',
    })
  }
}

/** So many events wait for their commit, which fails, that no more are taken in. Nothing was stored. */
export class BacklogFullError extends MemoirError {
  readonly code = 'backlog-full'
  constructor(
    /** How many events wait. */
    readonly unsealed: number,
    cause: unknown,
  ) {
    super(`${unsealed} events wait to be committed, which fails: ${messageOf(cause)}`, {
      cause,
      hint: 'Mend the cause, then append again.',
    })
  }
}

/** The handle was closed. */
export class LogClosedError extends MemoirError {
  readonly code = 'log-closed'
  constructor() {
    super('the log is closed', { hint: 'Open it again.' })
  }
}

/** The log was opened for reading. */
export class ReadOnlyError extends MemoirError {
  readonly code = 'read-only'
  constructor() {
    super('the log was opened for reading only', { hint: 'Open it without readOnly: true.' })
  }
}

/** There is no such stream, and the caller asked for an error. */
export class StreamNotFoundError extends MemoirError {
  readonly code = 'stream-not-found'
  constructor(readonly stream: string) {
    super(`there is no stream "${stream}"`, {
      hint: 'See `log.streams()` or `memoir streams` for those there are.',
    })
  }
}

/** No event has this position. */
export class EventNotFoundError extends MemoirError {
  readonly code = 'event-not-found'
  constructor(
    readonly position: number,
    readonly last: number,
  ) {
    super(`there is no event at position ${position}: the log ends at ${last}`, {
      hint: 'Positions are whole numbers from 1.',
    })
  }
}

/** No commit of the log's branch has this id. */
export class CommitNotFoundError extends MemoirError {
  readonly code = 'commit-not-found'
  constructor(readonly commit: string) {
    super(`there is no commit "${commit}" in the log`, { hint: 'Give the full id, as `git log` prints it.' })
  }
}
