import { type ErrorDetails, MemoirError } from '../event/errors.ts'

/** A projection whose definition cannot work. */
export class InvalidProjectionError extends MemoirError {
  readonly code = 'invalid-projection'
  constructor(
    /** The part of the definition at fault, such as `version` or `when.MoneyDeposited`. */
    readonly field: string,
    problem: string,
    details: ErrorDetails = {
      hint: 'Give a name, a version, and the functions init and when: see projection().',
    },
  ) {
    super(`a projection's ${field} ${problem}`, details)
  }
}

/** The log was opened without this projection. */
export class UnknownProjectionError extends MemoirError {
  readonly code = 'unknown-projection'
  constructor(
    readonly projection: string,
    hint = 'Name it in the option `projections` of open(), and ask with the same object: a projection of the same name made elsewhere is another one.',
  ) {
    super(`the log was opened without the projection "${projection}"`, { hint })
  }
}

/** A handler failed, so the projection stands still while the log goes on. */
export class ProjectionStoppedError extends MemoirError {
  readonly code = 'projection-stopped'
  constructor(
    readonly projection: string,
    /** Position of the event that its handler failed at. */
    readonly position: number,
    cause: unknown,
  ) {
    super(`the projection "${projection}" stopped at position ${position}`, {
      cause,
      hint: 'Mend the handler, raise the version of the projection and open the log again; or resume it. Its last state is to be had with { evenIfStopped: true }.',
    })
  }
}

/** A snapshot file is not as it was written. It is passed over: the events are replayed instead. */
export class SnapshotDamagedError extends MemoirError {
  readonly code = 'snapshot-damaged'
  constructor(
    /** Empty for the log's own index. */
    readonly projection: string,
    readonly position: number,
    cause?: unknown,
  ) {
    const subject = projection === '' ? "the log's index" : `the projection "${projection}"`
    super(`the snapshot of ${subject} at position ${position} is damaged`, {
      cause,
      hint: 'Nothing is lost: it is made from the events again. If this happens often, check the disk.',
    })
  }
}

/** What an open log had not read yet of the snapshot of its index is not what it was when the log was opened. */
export class SnapshotChangedError extends MemoirError {
  readonly code = 'snapshot-changed'
  constructor(
    readonly position: number,
    cause?: unknown,
  ) {
    super(`the snapshot of the log's index at position ${position} cannot be read any more as it was`, {
      cause,
      hint: 'No event is lost. Close the log and open it again: then the index is made from the events. Check the disk.',
    })
  }
}
