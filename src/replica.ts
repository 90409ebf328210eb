import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import { LogHandle, type LogParts, type WaitOptions } from './log-handle.ts'
import type { LogStatus } from './status.ts'
import type { PullResult } from './sync/pull.ts'
import type { ReplicaLoop } from './sync/replica/replica-loop.ts'
import type { ReplicaState } from './sync/replica/replica-state.ts'
import type { Rewrite } from './sync/replica/rewrite.ts'

/** Where a replica stands, and how it gets on with its remote. */
export interface ReplicaStatus extends LogStatus {
  readonly replica: ReplicaState
}

/** A history that was taken for another one. */
export interface AcceptedRewrite extends Rewrite {
  /** The ref under which the old history is kept. */
  readonly replaced: string
}

/** What a replica has beside what every open log has. */
export interface ReplicaParts extends LogParts {
  readonly loop: ReplicaLoop
}

/**
 * A log that follows a remote: made by `follow`. It is read like any log, and not written to.
 *
 * ```ts
 * await using replica = await follow('https://example.org/bank.git', 'replica.git', { projections: [balances] })
 * await replica.waitFor(position)
 * replica.state(balances)
 * ```
 */
export class Replica extends LogHandle<ReplicaParts> {
  /** Asks for a look at the remote now: for webhooks and signals. Costs nothing when called often. */
  poke(): void {
    this.parts.loop.poke()
  }

  /**
   * Looks at the remote now, and resolves when what it has is in the image.
   *
   * @throws RemoteFailedError, RemoteRewoundError, RemoteRewrittenError, RemoteEmptiedError and whatever else a
   *   remote is refused for: it goes on looking all the same
   */
  pull(): Promise<PullResult> {
    return this.parts.loop.pull()
  }

  /**
   * Fetches, and says which events would be lost and gained by `acceptRewrite`.
   *
   * @throws RemoteFailedError, RemoteEmptiedError, InvalidBatchError, UnexpectedEntryError, and the signal's reason
   */
  async describeRewrite(options: WaitOptions = {}): Promise<Rewrite> {
    checkOptionKinds('describeRewrite', options, { signal: 'signal' })
    return this.parts.loop.describeRewrite(options.signal)
  }

  /**
   * Takes the history that the remote has now, though it does not continue the one here: after the same checks
   * as ever. The old one is kept under a ref in `refs/memoir/replaced/`.
   *
   * @param commit the commit the remote is at, or its first characters: so nothing is accepted unseen
   * @throws UsageError when the remote is at another commit
   * @throws InvalidBatchError, UnexpectedEntryError, OtherLogError, and the signal's reason: everything stays as it was
   */
  async acceptRewrite(commit: string, options: WaitOptions = {}): Promise<AcceptedRewrite> {
    checkText('acceptRewrite', 'the commit of the remote', commit)
    checkOptionKinds('acceptRewrite', options, { signal: 'signal' })
    return this.parts.loop.acceptRewrite(commit, options.signal)
  }

  /** Where the replica stands, and how it gets on with its remote. Costs nothing. */
  override status(): ReplicaStatus {
    const status = super.status()
    const replica = this.parts.loop.state()
    return { ...status, problem: status.problem ?? replica.problem, replica }
  }
}
