import { MemoirError } from '../../event/errors.ts'
import type { NewEvent } from '../../event/event.ts'

/** An event of an imported file. */
export interface ImportedEvent {
  readonly stream: string
  readonly event: NewEvent
  /** Line of the file on which it starts, from 1. */
  readonly line: number
}

/** How a file's events find their streams. */
export interface StreamOptions {
  /** Name of the column, key or attribute that names the stream. */
  readonly stream?: string | undefined
  /** Put in front of each stream's name. */
  readonly streamPrefix?: string | undefined
}

/** A file that is imported does not hold what it should. Events before that place may have been handed out. */
export class ImportError extends MemoirError {
  readonly code = 'invalid-import'

  constructor(
    /** Line of the file, from 1; undefined where the whole file is meant. */
    readonly line: number | undefined,
    /** What is wrong, in words; never the data. */
    readonly problem: string,
    hint: string,
    cause?: unknown,
  ) {
    super(line === undefined ? problem : `line ${line}: ${problem}`, { hint, cause })
  }
}
