import type { BranchState } from '../../log/branch.ts'
import { LogClosedError } from '../../log/errors.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'

/** What a push brought to a remote. */
export interface PushResult {
  /** Name or address of the remote, without credentials. */
  readonly remote: string
  /** The commit that the remote has now, and the position of its last event. */
  readonly commit: string
  readonly position: number
}

/** A caller who is told when the remote has what is committed now. */
export interface Waiter {
  /** Where to push to, as git takes it: with the credentials of this caller. */
  readonly remote: string
  readonly asked: 'now' | 'soon'
  readonly options: TransferOptions
  readonly resolve: (result: PushResult) => void
  readonly reject: (error: unknown) => void
}

/** A push that is under way. */
export interface Attempt {
  readonly remote: string
  readonly branch: BranchState
  readonly startedAt: number
  readonly waiters: Waiter[]
  readonly controller: AbortController
}

const LEFT = new LogClosedError()

/** Cuts off a push, because all who waited for it went away. */
export function leave({ controller }: Attempt): void {
  controller.abort(LEFT)
}

/** Whether a push ended because all who waited for it went away. */
export function isLeft({ controller }: Attempt): boolean {
  return controller.signal.reason === LEFT
}

/** Whether a push takes along a commit for a caller. One that was cut off takes nothing along. */
export function takesAlong(attempt: Attempt, commit: string, { remote }: Waiter): boolean {
  const { branch, controller } = attempt
  return branch.commit === commit && attempt.remote === remote && !controller.signal.aborted
}
