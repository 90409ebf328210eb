import type { BranchState } from './branch.ts'
import type { LogIndex } from './log-index.ts'
import type { Run } from './run.ts'
import type { Tail } from './tail.ts'
import type { Watermark } from './watermark.ts'

/**
 * What the parts of an open log share. Positions in it, ascending:
 * branch (in Git) ≤ visible (journaled, applied, readable) ≤ index.count (accepted, may still fail).
 */
export interface LogState {
  branch: BranchState
  index: LogIndex
  readonly tail: Tail
  /** The last position that readers see. */
  readonly visible: Watermark
  /** How often history was rewritten under this handle: a read that began before cannot go on. */
  rewrites: number
}

/** Told of the events of a log as they become visible: the memory image. */
export interface LogListener {
  /** The position up to which it needs no replay: 0 without a snapshot. */
  readonly position: number
  /** Events that follow those it was told of before. Synchronous, so a writer reads its own writes. */
  onRun(run: Run, index: LogIndex): void
  /**
   * History was rewritten: what came after a position is void. Resolves when the listener has taken in the
   * new history, whose events `replay` gives from a position on.
   */
  onRewritten(
    commonPosition: number,
    replay: (from: number) => AsyncIterable<Run>,
    index: LogIndex,
  ): Promise<void>
}

/** How the log tells what happened to it beside appends: for users, in words and numbers. */
export type Notice =
  | {
      readonly kind: 'adopted'
      /** Whether others moved the branch, or a pull of this process did. */
      readonly by: 'others' | 'pull'
      readonly commit: string
      readonly first: number
      readonly count: number
    }
  | {
      readonly kind: 'rewritten'
      /** As of `adopted`. */
      readonly by: 'others' | 'pull'
      readonly from: string
      readonly to: string
      /** Up to here both histories hold the same events. */
      readonly commonPosition: number
      readonly positionBefore: number
      readonly positionAfter: number
    }
  | { readonly kind: 'diverged'; readonly error: Error }
  | { readonly kind: 'seal-failed'; readonly error: Error }
  | { readonly kind: 'fold-failed'; readonly error: Error }
  | { readonly kind: 'maintenance-failed'; readonly error: Error }
  | { readonly kind: 'unreadable-commit'; readonly commit: string; readonly error: Error }
  | { readonly kind: 'work-tree-behind'; readonly error: Error }
  | { readonly kind: 'watch-failed'; readonly error: Error }
  /** The remote of a replica or a shared log cannot be reached, or takes nothing: told once, until it can again. */
  | { readonly kind: 'remote-failed'; readonly error: Error }
  | { readonly kind: 'remote-back' }
  /** A replica does not take in what its remote holds: told once for each commit. */
  | { readonly kind: 'remote-refused'; readonly commit: string | undefined; readonly error: Error }
  | { readonly kind: 'pin-failed'; readonly error: Error }
  /** An append that was accepted here did not hold on the remote: it waits in `log.conflicts()`. */
  | { readonly kind: 'conflict'; readonly id: string; readonly error: Error }
  | {
      readonly kind: 'projection-stopped'
      readonly projection: string
      readonly position: number
      readonly error: Error
    }
  | {
      /** A push that the log made by itself failed; it is tried again. */
      readonly kind: 'push-failed'
      /** Name or address of the remote, without credentials. */
      readonly remote: string
      readonly failure: 'auth' | 'network' | 'conflict' | 'refused' | 'too-large' | 'unsound' | 'unknown'
      readonly error: Error
    }
  /** The log was closed with commits that a remote has not: the next process that opens it pushes them. */
  | { readonly kind: 'unpushed'; readonly remote: string; readonly error: Error }
  /** The log's limits go beyond what the host of a remote advises. */
  | { readonly kind: 'push-advice'; readonly remote: string; readonly error: Error }
  /** What `status()` says of a remote could not be written down for the next process. */
  | { readonly kind: 'remote-not-recorded'; readonly error: Error }
  | { readonly kind: 'snapshot-failed'; readonly projection: string; readonly error: Error }
