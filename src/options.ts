import type { Codec } from './event/event.ts'
import type { Projection } from './image/projection.ts'
import type { Notice } from './log/log-state.ts'
import type { HostProfile } from './sync/push/host-profile.ts'
import type { Clock } from './system/clock.ts'
import type { FileSystem } from './system/file-system.ts'
import type { RandomSource } from './system/random.ts'

/** How a log is opened, whoever writes to it. Everything has a default. Times are 24 days at most, as timers have it. */
export interface CommonOptions {
  /** The projections whose state is kept in memory. Default: none. */
  readonly projections?: readonly Projection<unknown>[]
  /** How batches of a new log are written; an existing log says itself. Default `'jsonl'`. */
  readonly codec?: Codec
  /** What reads Git objects. Default: `'git'` where git is installed, else `'isomorphic'`. */
  readonly engine?: 'git' | 'isomorphic'
  /** Take no lock, write nothing, follow what others commit. Default false. */
  readonly readOnly?: boolean
  /** Name or address of the remote for `push`, `pull` and the ack level `pushed`. Default `'origin'`. */
  readonly remote?: string
  /**
   * Push by itself what is committed, to `remote` and to mirrors. Default: only when asked to, with
   * `log.push()` or `ack: 'pushed'`. `{}` takes all defaults.
   *
   * One push at a time takes along all that waits, never more often than the profile of the host allows. One
   * that fails is told through the notice `push-failed` and tried again after a random time that doubles: up
   * to a minute where trying may help, from 10 seconds to 15 minutes where somebody has to do
   * something first.
   */
  readonly push?: {
    /** How long a commit waits for its push at most, in milliseconds. Default 10,000. */
    readonly every?: number
    /** As many unpushed events are pushed without waiting. Default 1000. */
    readonly maxUnpushed?: number
    /**
     * Names or addresses of more remotes that get the same. One that fails holds up no other; none gets
     * anything while `remote`, the authority, has another history. Default: none.
     */
    readonly mirrors?: readonly string[]
    /**
     * What hosts take, by host name, where it is not what is known of them: `{ 'git.example.org':
     * { pushesAMinute: 10 } }`. Known: github.com 6 pushes a minute, gitlab.com 600, all others 60; local
     * paths have no limit.
     */
    readonly hosts?: Readonly<Record<string, Partial<HostProfile>>>
    /** How long `close()` waits for a last push, in milliseconds; 0: there is none. Default 10,000. */
    readonly closeWithin?: number
  }
  /** Author of the commits. Default `Memoir <memoir@localhost>`. */
  readonly author?: { readonly name: string; readonly email: string }
  readonly seal?: {
    /**
     * How long an event waits for its commit, in milliseconds; while more than 1 MiB comes in each time, up to four times
     * as long. Default 250.
     */
    readonly afterMs?: number
    /**
     * How many bytes wait before they are committed at once, in memory and in the journal. Appends wait while four times as many
     * do. Default 32 MiB.
     */
    readonly maxBytes?: number
  }
  /** How foreign commits are noticed; `false` for a program that only reads what is there now. */
  readonly watch?:
    | {
        /** How often the branch is looked at where file events do not tell, in milliseconds. Default 1000. */
        readonly pollMs?: number
      }
    | false
  readonly snapshot?: {
    /** How many events come between two snapshots. Default 10,000. */
    readonly everyEvents?: number
  }
  /** The repository is packed by itself; `false` for a program that calls `maintain`, or leaves it to others. */
  readonly maintenance?:
    | {
        /** For how long nothing must have been committed before it starts, in milliseconds. Default 5000. */
        readonly idleMs?: number
      }
    | false
  readonly limits?: {
    /** The most bytes a stored event may take. Default 1 MiB, at most the 8 MiB that an append may take. */
    readonly eventBytes?: number
    /**
     * The most bytes an object may have that is read: a batch, most of all. Default 100 MiB, as hosts have it; at least the
     * 16 MiB that a batch may take, where the log is written to.
     */
    readonly objectBytes?: number
  }
  /**
   * Told of what happens beside appends: foreign commits, rewritten history, failures in the background. The log goes on
   * whatever it throws, which is an uncaught exception.
   */
  readonly onNotice?: (notice: Notice) => void
  /** Told how many events of how many were replayed while the log opens. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends the opening, with its reason. An open log has no use for it. */
  readonly signal?: AbortSignal
  /** The ports to the outside, for tests that inject faults. Default: the real ones. */
  readonly ports?: {
    readonly fileSystem?: FileSystem
    readonly clock?: Clock
    readonly random?: RandomSource
  }
}

/** How `open` opens a log that nobody else writes to. */
export interface OpenOptions extends CommonOptions {
  readonly mode?: 'exclusive'
}

/** How `open` opens a log whose remote takes appends from others as well, each with a clone of its own. */
export interface SharedOptions extends CommonOptions {
  readonly mode: 'shared'
  readonly readOnly?: false
  /** Every append is pushed by itself. */
  readonly push?: never
  readonly shared?: {
    /** How long an append waits for the remote, in milliseconds. Default 30,000. */
    readonly patienceMs?: number
    /** How often the remote is looked at while there is nothing to push, in milliseconds. Default 5,000. */
    readonly fetchMs?: number
    /**
     * How long `close()` waits for the remote, in milliseconds; 0: not at all. Appends that still wait for it then
     * fail with NotConfirmedError, and what was accepted without it stays in the outbox. Default 10,000.
     */
    readonly closeWithinMs?: number
  }
}
