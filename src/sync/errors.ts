import { MemoirError } from '../event/errors.ts'

/** Events are committed here, but the remote does not have them. */
export class NotPushedError extends MemoirError {
  readonly code = 'not-pushed'
  constructor(
    /** Position of the last event of the append. */
    readonly position: number,
    readonly commit: string,
    cause: unknown,
  ) {
    super(`events up to position ${position} are committed here but were not pushed: ${messageOf(cause)}`, {
      cause,
      hint: 'Do not append them again: they are stored. Mend the cause, then push (`log.push()`, `memoir push`).',
    })
  }
}

/** The branch here and the one on the remote each have commits that the other has not. Nothing was changed. */
export class HistoryForkedError extends MemoirError {
  readonly code = 'history-forked'
  constructor(
    readonly local: string,
    readonly remote: string,
  ) {
    super(`the branch here (${local}) and on the remote (${remote}) have gone different ways`, {
      hint: 'Two processes wrote to two copies of the log. Keep one of them, and append the events of the other anew.',
    })
  }
}

/** The remote has no such branch: nothing was ever pushed to it. */
export class RemoteBranchMissingError extends MemoirError {
  readonly code = 'remote-branch-missing'
  constructor(readonly branch: string) {
    super(`the remote has no branch ${branch}`, { hint: 'Push to it first, or check its address.' })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
