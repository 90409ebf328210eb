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

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** What a thing that was thrown says. */
export function messageOf(thrown: unknown): string {
  return asError(thrown).message
}

/** An event, a stream name or an option of an append that cannot be stored as it is. */
export class InvalidEventError extends MemoirError {
  readonly code = 'invalid-event'
  constructor(
    /** Which event of the append, from 0; undefined when it is not about one event. */
    readonly index: number | undefined,
    /** The field at fault, such as `type` or `tags[2]`. */
    readonly field: string,
    problem: string,
    details?: ErrorDetails,
  ) {
    super(`${index === undefined ? '' : `event ${index}: `}${field} ${problem}`, details)
  }
}

/** A stream name that is empty, too long, or holds characters that cannot be shown. */
export class InvalidStreamError extends MemoirError {
  readonly code = 'invalid-stream'
  constructor(problem: string) {
    super(`a stream name ${problem}`, {
      hint: 'Use 1 to 200 characters without control characters, such as "account-1".',
    })
  }
}

/** An event whose stored line would be longer than the limit. */
export class EventTooLargeError extends MemoirError {
  readonly code = 'event-too-large'
  constructor(
    readonly index: number,
    /** How many it takes; at least so many, where it was far too large to be counted. */
    readonly bytes: number,
    readonly limit: number,
    isCounted = true,
  ) {
    super(`event ${index} takes ${isCounted ? '' : 'at least '}${bytes} bytes, the limit is ${limit}`, {
      hint: 'Store the large part elsewhere and keep its address or hash in the event, or raise limits.eventBytes.',
    })
  }
}

/** An append whose events take more room together than one batch may have. Nothing was stored. */
export class AppendTooLargeError extends MemoirError {
  readonly code = 'append-too-large'
  constructor(
    /** How many they take; at least so many, where they were far too large to be counted. */
    readonly bytes: number,
    readonly limit: number,
    isCounted = true,
  ) {
    super(
      `the events of the append take ${isCounted ? '' : 'at least '}${bytes} bytes, the limit is ${limit}`,
      {
        hint: 'Divide it into several appends, or store the large parts elsewhere and keep their hashes in the events.',
      },
    )
  }
}

/** A given time that lies before the last event of the log. */
export class TimeBackwardsError extends MemoirError {
  readonly code = 'time-backwards'
  constructor(
    readonly index: number,
    readonly time: string,
    readonly last: string,
  ) {
    super(`event ${index}: time ${time} lies before the last event of the log, ${last}`, {
      hint: 'Sort the input by time before importing, or keep the date as metadata.occurredAt.',
    })
  }
}

/** The clock that the log was given says no time that can be stored. Nothing was stored by it. */
export class ClockError extends MemoirError {
  readonly code = 'clock-wrong'
  constructor(
    /** What the clock gave. */
    readonly given: unknown,
    shown: string,
  ) {
    super(`the clock gave ${shown}, which is no time that can be stored`, {
      hint: 'Set the clock right and try again. One of your own, `ports.clock`, gives milliseconds since 1970, in the years 1000 to 9999.',
    })
  }
}

/** Something else was asked of the log than it can do: a wrong option or argument. */
export class UsageError extends MemoirError {
  readonly code = 'usage'
}
