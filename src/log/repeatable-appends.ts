import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Admission } from './admission.ts'
import { type AppendRequest, accept } from './append-request.ts'
import type { BatchSource } from './batch-source.ts'
import type { Follower } from './follower.ts'
import type { LogState } from './log-state.ts'
import type { AppendResult } from './placement.ts'
import { loadRun } from './reading.ts'
import { findRepeatedAppend, positionsOfGivenIds } from './repeated-append.ts'
import type { Sealer } from './sealer.ts'

/** Makes appends with ids that the caller chose, unless they were made before: then their first result stands. */
export class RepeatableAppends {
  private readonly underWay = new Set<Promise<AppendResult>>()

  constructor(
    private readonly state: LogState,
    private readonly source: BatchSource,
    private readonly follower: Follower,
    private readonly admission: Admission,
  ) {}

  append(request: AppendRequest, sealer: Sealer): Promise<AppendResult> {
    const appended = this.appendOnce(request, sealer)
    this.underWay.add(appended)
    const forget = () => this.underWay.delete(appended)
    appended.then(forget, forget)
    return appended
  }

  /** Resolves when all that were asked for until now are made, or refused. */
  async whenSettled(): Promise<void> {
    await Promise.allSettled(this.underWay)
  }

  private async appendOnce(request: AppendRequest, sealer: Sealer): Promise<AppendResult> {
    const { appender, prepared } = request
    const { state } = this
    for (;;) {
      // No others: the place of a refused append may be that of the same one made again.
      const looked = new Set<number>()
      if (positionsOfGivenIds(state.index, prepared).length > 0) {
        // The first attempt may still be on its way to the journal, and where it is refused, whoever hears of that
        // before this may have made it again. They are looked at in the turn in which none is on its way.
        await appender.whenSettled()
        if (this.follower.isAdopting) await this.follower.look()
        const positions = positionsOfGivenIds(state.index, prepared)
        if (appender.failed === undefined && !positions.every((position) => this.isReadable(position))) {
          await nextTurn()
          continue
        }
        for (const position of positions) looked.add(position)
        const load = (position: number) => loadRun(state, this.source, position)
        const repeated = await findRepeatedAppend(state.index, prepared, load)
        if (repeated !== undefined) return whenSafe(repeated, request, sealer)
      }
      const appended = await this.admission.enter((seen) => this.acceptIfNew(request, seen), looked)
      if (appended !== undefined) return appended
    }
  }

  private isReadable(position: number): boolean {
    const { branch, visible } = this.state
    return position <= branch.position || position <= visible.position
  }

  /** Accepts an append, unless the same one came in meanwhile: at a position that was not looked at yet. */
  private async acceptIfNew(
    request: AppendRequest,
    looked: ReadonlySet<number>,
  ): Promise<AppendResult | undefined> {
    const positions = positionsOfGivenIds(this.state.index, request.prepared)
    return positions.every((position) => looked.has(position)) ? accept(request) : undefined
  }
}

/** What an append became that was made before, once it is as safe as is asked for now: the first time may have asked for less. */
async function whenSafe(
  repeated: AppendResult,
  { appender, durability }: AppendRequest,
  sealer: Sealer,
): Promise<AppendResult> {
  const isUnsafe = durability === 'durable' && repeated.position >= appender.unsafeFrom
  if (isUnsafe) await sealer.whenCommitted(repeated.position)
  return repeated
}
