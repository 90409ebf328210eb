/** Every error Memoir throws on purpose: a stable `code`, typed fields, and a hint that says what to do next. */

/** What an error may carry beside its message. */
export interface ErrorDetails {
  /** What to do next, in a sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

/** The base of all errors of Memoir. Messages never contain the data of an event. */
export abstract class MemoirError extends Error {
  /** Stable and documented in docs/errors.md: test for this, not for the message. */
  abstract readonly code: string
  readonly hint: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.hint = details.hint
  }
}
