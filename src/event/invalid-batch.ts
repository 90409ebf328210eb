import { MemoirError } from './errors.ts'

/** A batch file does not hold what the format asks for: written by hand with a mistake, or damaged. */
export class InvalidBatchError extends MemoirError {
  readonly code = 'invalid-batch'

  constructor(
    /** Path of the file in the tree. */
    readonly path: string,
    /** Line in the file, from 1. */
    readonly line: number,
    /** What was found, never the data of an event. */
    readonly problem: string,
    /** What would have been right. */
    readonly expected: string,
    cause?: unknown,
  ) {
    super(`${path}:${line}: ${problem}; expected ${expected}`, {
      hint: 'Amend the commit that brought it: one on top leaves it in the history. `memoir verify` checks the whole log.',
      cause,
    })
  }
}
