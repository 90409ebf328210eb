import { RemoteFailedError } from '../../repository/git-process-errors.ts'

/** What a shared log is busy with. */
export type SharedPhase =
  | 'idle'
  | 'queueing'
  | 'fetching'
  | 'composing'
  | 'pushing'
  | 'confirming'
  | 'resting'
  | 'backing off'
  | 'stopped'

/** Where a log that shares its remote with other writers stands. */
export interface SharedStatus {
  readonly phase: SharedPhase
  /** Events that were accepted, or asked for and not refused since, and that the remote has not confirmed. */
  readonly provisional: number
  /** Appends that were accepted offline and did not hold: see `log.conflicts()`. */
  readonly conflicts: number
  /** When the remote last took a push, and last answered a fetch, in milliseconds since 1970. */
  readonly lastPushMs: number | undefined
  readonly lastFetchMs: number | undefined
  /** Why the last round failed; gone with the next that does not. */
  readonly failure: SharedFailure | undefined
}

export interface SharedFailure {
  readonly code: string
  /** How the remote failed: `network`, `auth`, `refused` …; undefined when it was not the remote. */
  readonly kind: string | undefined
  readonly message: string
  /** When it is tried again, in milliseconds since 1970. */
  readonly nextTryMs: number
}

export function failureOf(error: Error, nextTryMs: number): SharedFailure {
  return {
    code: 'code' in error ? String(error.code) : 'unknown',
    kind: error instanceof RemoteFailedError ? error.kind : undefined,
    message: error.message,
    nextTryMs,
  }
}
