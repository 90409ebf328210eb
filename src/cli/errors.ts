import { MemoirError } from '../event/errors.ts'
import { errorCode } from '../repository/durable-file.ts'

/** A signal ended the program. */
export class InterruptedError extends MemoirError {
  readonly code = 'interrupted'
  constructor(readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`)
  }
}

/** Whoever read standard output wants no more of it, such as `head`. */
export class OutputClosedError extends MemoirError {
  readonly code = 'output-closed'
  constructor() {
    super('standard output was closed')
  }
}

/** Standard output takes no more: the disk of the file that it goes to is full, say. */
export class OutputFailedError extends MemoirError {
  readonly code = 'output-failed'
  constructor(cause: NodeJS.ErrnoException) {
    super(`standard output cannot be written (${cause.code ?? 'unknown'})`, {
      cause,
      hint: 'What was printed is cut short. Look at where it goes to, and run it again.',
    })
  }
}

/** A state has no entry of this name. */
export class EntryNotFoundError extends MemoirError {
  readonly code = 'entry-not-found'
  constructor(
    readonly projection: string,
    readonly entry: string,
  ) {
    super(`the state of "${projection}" has no entry "${entry}"`, {
      hint: `See them all with: memoir state ${projection}`,
    })
  }
}

/** No projections could be had from a module. */
export class ProjectionModuleError extends MemoirError {
  readonly code = 'projection-module'
  constructor(
    readonly path: string,
    problem: string,
    cause?: unknown,
  ) {
    super(`projections from ${path}: ${problem}`, {
      cause,
      hint: 'Give the path of an ES module (.js, .mjs) that exports what projection() returns.',
    })
  }
}

/** A file that was named cannot be read. */
export class InputFileError extends MemoirError {
  readonly code = 'input-file'
  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    super(`${path} cannot be read (${errorCode(cause) ?? 'unknown'})`, {
      cause,
      hint: 'Check its name and permissions.',
    })
  }
}
