import type { UnsealedAppend, UnsealedRun } from './run.ts'
import { lastOf } from './run.ts'

/** What one commit will add: whole appends, together no larger than the cap, or a single larger one. */
export interface SealPlan {
  readonly first: number
  readonly count: number
  readonly lines: string
}

/** The events that are journaled but not committed yet, oldest first. */
export class Tail {
  private list: UnsealedRun[] = []
  private unsealedSize = 0

  get runs(): readonly UnsealedRun[] {
    return this.list
  }

  /** How many events wait. */
  get count(): number {
    return this.list.reduce((sum, run) => sum + run.count, 0)
  }

  /** Characters that wait: a lower bound of their bytes. */
  get size(): number {
    return this.unsealedSize
  }

  get isEmpty(): boolean {
    return this.list.length === 0
  }

  /** The run that holds a position: a binary search. */
  find(position: number): UnsealedRun | undefined {
    let low = 0
    let high = this.list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (lastOf(this.list[middle]!) < position) low = middle + 1
      else high = middle
    }
    const run = this.list[low]
    return run !== undefined && run.first <= position ? run : undefined
  }

  push(run: UnsealedRun): void {
    this.list.push(run)
    this.unsealedSize += run.size
  }

  /** Groups waiting appends into at most `batches` commits of up to `cap` bytes. */
  plan(cap: number, batches: number): SealPlan[] {
    const plans: SealPlan[] = []
    let group: UnsealedAppend[] = []
    let bytes = 0
    for (const append of this.appends()) {
      const size = Buffer.byteLength(append.lines)
      if (group.length > 0 && bytes + size > cap) {
        plans.push(join(group))
        group = []
        bytes = 0
        if (plans.length === batches) return plans
      }
      group.push(append)
      bytes += size
    }
    if (group.length > 0) plans.push(join(group))
    return plans
  }

  /** Drops the appends up to a position: they are committed. The position ends an append. */
  dropUpTo(position: number): void {
    const kept = this.list.filter((run) => lastOf(run) > position)
    const split = kept[0]
    // A new list: a reader may still hold the old one.
    this.list =
      split !== undefined && split.first <= position ? [split.after(position), ...kept.slice(1)] : kept
    this.unsealedSize = this.list.reduce((sum, run) => sum + run.size, 0)
  }

  private *appends(): Generator<UnsealedAppend> {
    for (const run of this.list) yield* run.appends
  }
}

function join(appends: readonly UnsealedAppend[]): SealPlan {
  return {
    first: appends[0]!.first,
    count: appends.reduce((sum, append) => sum + append.count, 0),
    lines: appends.map((append) => append.lines).join(''),
  }
}
