import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Codec } from '../event/event.ts'
import type { ObjectStore } from '../repository/object-store.ts'
import { batchBytes, batchChange } from './batch-change.ts'
import type { CommitChange } from './committer.ts'
import type { LogState } from './log-state.ts'
import type { SealPlan } from './tail.ts'

/** So many batches are begun while a round of commits is under way. */
const AHEAD = 3

/**
 * Encodes the batches that wait to be committed, and begins to deflate them: those of the next round while the one
 * before it is being committed, so that neither the processor nor the disk waits for the other.
 */
export class BatchesAhead {
  /** Changes that follow on the round that was taken last. */
  private ready: CommitChange[] = []
  private preparing: Promise<void> = Promise.resolve()

  constructor(
    private readonly state: LogState,
    private readonly store: ObjectStore,
    private readonly codec: Codec,
  ) {}

  /** The changes of the next round: all that wait, or `most` of them, which is more than are prepared ahead. */
  async take(most: number): Promise<CommitChange[]> {
    await this.preparing
    const changes = this.ready.splice(0)
    const after = changes.at(-1)?.position ?? 0
    for (const plan of this.plan(most - changes.length, { after })) changes.push(await this.prepare(plan))
    return changes
  }

  /** Prepares some full batches behind the round that was taken last, in the background. */
  prepareAfter(position: number): void {
    // What fails here is tried again, and told, by the round.
    this.preparing = this.prepareFull(position).catch(() => this.forget())
  }

  /** Forgets what was prepared: the log may go on from somewhere else. */
  async abandon(): Promise<void> {
    await this.preparing
    this.forget()
  }

  private forget(): void {
    this.ready = []
    this.store.abandonBegun()
  }

  private async prepareFull(after: number): Promise<void> {
    for (const plan of this.plan(AHEAD, { after, onlyFull: true })) {
      this.ready.push(await this.prepare(plan))
    }
  }

  private plan(most: number, options: { readonly after: number; readonly onlyFull?: boolean }): SealPlan[] {
    return this.state.tail.plan(batchBytes(this.codec), most, options)
  }

  private async prepare(plan: SealPlan): Promise<CommitChange> {
    const change = await batchChange(plan, this.state.index, this.codec)
    for (const blob of change.blobs) this.store.begin(blob)
    // Hashing a full batch takes a millisecond: appends and timers get their turn between two.
    await nextTurn()
    return change
  }
}
