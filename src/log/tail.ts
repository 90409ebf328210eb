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
    this.unsealedBytes += run.bytes
  }

  /** Groups waiting appends into at most `batches` commits of up to `cap` bytes. */
  plan(cap: number, batches: number): SealPlan[] {
    const plans: SealPlan[] = []
    let group: Piece[] = []
    let bytes = 0
    for (const run of this.list) {
      // Only a run that does not fit as a whole is looked at append by append.
      const pieces = bytes + run.bytes <= cap ? [asPiece(run)] : piecesOf(run)
      for (const piece of pieces) {
        if (group.length > 0 && bytes + piece.bytes > cap) {
          plans.push(join(group))
          group = []
          bytes = 0
          if (plans.length === batches) return plans
        }
        group.push(piece)
        bytes += piece.bytes
      }
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
    this.unsealedBytes = this.list.reduce((sum, run) => sum + run.bytes, 0)
  }
}

interface Piece extends UnsealedAppend {
  readonly bytes: number
}

function asPiece({ first, count, text, bytes }: UnsealedRun): Piece {
  return { first, count, lines: text, bytes }
}

function* piecesOf(run: UnsealedRun): Generator<Piece> {
  for (const append of run.appends()) yield { ...append, bytes: Buffer.byteLength(append.lines) }
}

function join(pieces: readonly Piece[]): SealPlan {
  return {
    first: pieces[0]!.first,
    count: pieces.reduce((sum, { count }) => sum + count, 0),
    lines: pieces.map(({ lines }) => lines).join(''),
  }
}
