import { lastOf, type UnsealedRun } from './run.ts'

/** What one commit will add: whole appends, together no larger than the cap, or a single larger one. */
export interface SealPlan {
  readonly first: number
  readonly count: number
  /** Stored lines, each ended by LF: the parts of one text. */
  readonly content: readonly Buffer[]
}

/** The events that are journaled but not committed yet, oldest first. */
export class Tail {
  private list: UnsealedRun[] = []
  private unsealedBytes = 0

  get runs(): readonly UnsealedRun[] {
    return this.list
  }

  /** How many events wait. */
  get count(): number {
    return this.list.reduce((sum, run) => sum + run.count, 0)
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.unsealedBytes
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
    this.unsealedBytes += run.content.length
  }

  /**
   * Groups waiting appends into at most `batches` commits of up to `cap` bytes.
   *
   * @param after  leaves out the appends up to this position, which ends one
   * @param onlyFull leaves out the last commit as long as more appends may fit into it
   */
  plan(cap: number, batches: number, { after = 0, onlyFull = false } = {}): SealPlan[] {
    const plans: SealPlan[] = []
    let parts: UnsealedRun[] = []
    let left = cap
    for (const whole of this.list) {
      if (lastOf(whole) <= after) continue
      const run = whole.first <= after ? whole.after(after) : whole
      for (let from = 0; from < run.counts.length; ) {
        const fitting = run.countFitting(from, left)
        if (fitting === 0 && parts.length > 0) {
          plans.push(join(parts))
          if (plans.length === batches) return plans
          parts = []
          left = cap
          continue
        }
        // One that is larger than the cap has a commit of its own.
        const part = run.part(from, from + Math.max(1, fitting))
        parts.push(part)
        left -= part.content.length
        from += part.counts.length
      }
    }
    if (parts.length > 0 && !onlyFull) plans.push(join(parts))
    return plans
  }

  /** Drops the appends up to a position: they are committed. The position ends an append. */
  dropUpTo(position: number): void {
    const kept = this.list.filter((run) => lastOf(run) > position)
    const split = kept[0]
    // A new list: a reader may still hold the old one.
    this.list =
      split !== undefined && split.first <= position ? [split.after(position), ...kept.slice(1)] : kept
    this.unsealedBytes = this.list.reduce((sum, run) => sum + run.content.length, 0)
  }
}

function join(parts: readonly UnsealedRun[]): SealPlan {
  return {
    first: parts[0]!.first,
    count: parts.reduce((sum, { count }) => sum + count, 0),
    content: parts.map(({ content }) => content),
  }
}
