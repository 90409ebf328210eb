import { MemoirError } from '../event/errors.ts'

/**
 * No room for an append, on the disk or among the files that may be open: nothing of it was kept, its positions are free,
 * and a later append may succeed.
 */
export class JournalFullError extends MemoirError {
  readonly code = 'journal-full'

  constructor(
    readonly directory: string,
    cause?: unknown,
  ) {
    const isOfFiles = isOutOfDescriptors(cause)
    super(`${isOfFiles ? 'too many files are open' : 'no room left'} for the journal in ${directory}`, {
      hint: `${isOfFiles ? 'Close some files or raise the limit (ulimit -n)' : 'Free some space or raise the quota'}, then append again; the log need not be reopened.`,
      cause,
    })
  }
}

/** The disk failed under the journal. It takes no more appends; opening it again decides from the disk. */
export class JournalFailedError extends MemoirError {
  readonly code = 'journal-failed'

  constructor(
    readonly directory: string,
    cause: unknown,
  ) {
    super(`the disk failed under the journal in ${directory}`, {
      hint: 'Look at the cause and the disk, then open the log again and look which events it holds.',
      cause,
    })
  }
}

/** Bytes of the journal that were once safe on the disk are damaged or missing. */
export class JournalCorruptError extends MemoirError {
  readonly code = 'journal-corrupt'

  /**
   * @param path the segment file
   * @param offset where in it the damage starts, in bytes
   * @param finding what is wrong there, and what comes next
   */
  constructor(
    readonly path: string,
    readonly offset: number,
    readonly finding: string,
  ) {
    super(`journal segment ${path} is corrupt at byte ${offset}: ${finding}`, {
      hint: 'Keep a copy of the file. Restore the journal from a backup of this disk, or move it away to go on without the events that were not committed yet.',
    })
  }
}

/** The journal was used against its contract, which is a mistake in the calling code. Nothing was changed. */
export class JournalMisuseError extends MemoirError {
  readonly code = 'journal-misuse'

  constructor(message: string) {
    super(message, { hint: 'This is a mistake in the code that uses the journal: please report it.' })
  }
}

/** Whether nothing was done, since the process, or the system, has too many files open: that passes. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
}
