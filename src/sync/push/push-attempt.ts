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
  readonly asked: 'now' | 'soon'
  readonly options: TransferOptions
  readonly resolve: (result: PushResult) => void
  readonly reject: (error: unknown) => void
}

/** A push that is under way. */
export interface Attempt {
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

/** Whether a push takes along a commit. One that was cut off takes nothing along. */
export function takesAlong({ branch, controller }: Attempt, commit: string): boolean {
  return branch.commit === commit && !controller.signal.aborted
}
