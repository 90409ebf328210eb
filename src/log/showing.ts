import { MemoirError } from '../event/errors.ts'
import { NotShownError } from './errors.ts'
import type { LogIndex } from './log-index.ts'
import type { LogListener } from './log-state.ts'
import type { Run } from './run.ts'

/** Tells the listener of events that are stored. @throws NotShownError for what is no error of ours */
export function show(listener: LogListener, run: Run, index: LogIndex): void {
  try {
    listener.onRun(run, index)
  } catch (cause) {
    throw cause instanceof MemoirError ? cause : new NotShownError(run.first, cause)
  }
}
