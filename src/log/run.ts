import { Lines } from '../event/lines.ts'
import { StoredEvent } from '../event/stored-event.ts'
import type { JournalGroup } from '../journal/journal.ts'

/** Events that follow one another in the log, as their stored lines. */
export interface Run {
  /** Position of the first event. */
  readonly first: number
  readonly lines: Lines
}

/** The position of a run's last event. */
export function lastOf(run: Run): number {
  return run.first + (run instanceof UnsealedRun ? run.count : run.lines.count) - 1
}

/** The part of a run from a position on; the whole run where it begins there. */
export function runFrom(run: Run, position: number): Run | undefined {
  if (run.first >= position) return run
  if (lastOf(run) < position) return undefined
  return { first: position, lines: run.lines.part(position - run.first, run.lines.count) }
}

/** The part of a run up to a position. */
export function runTo(run: Run, position: number): Run | undefined {
  if (lastOf(run) <= position) return run
  if (run.first > position) return undefined
  return { first: run.first, lines: run.lines.part(0, position - run.first + 1) }
}

/**
 * Appends that were journaled together and are in no commit yet. Their lines stay the bytes that the journal
 * was given, which go into the commit as they are; they are scanned when somebody asks for them.
 */
export class UnsealedRun implements Run, JournalGroup {
  readonly first: number
  readonly count: number
  readonly counts: readonly number[]
  readonly sizes: readonly number[]
  readonly content: Buffer
  #lines: Lines | undefined

  constructor({ first, count, counts, sizes, content }: JournalGroup) {
    this.first = first
    this.count = count
    this.counts = counts
    this.sizes = sizes
    this.content = content
  }

  /** The event at a position, or undefined where it holds none. */
  event(position: number): StoredEvent | undefined {
    const line = position - this.first
    return line >= 0 && line < this.count ? new StoredEvent(position, this.lines, line) : undefined
  }

  get lines(): Lines {
    this.#lines ??= Lines.fromBytes(this.content, 'journal')
    return this.#lines
  }

  /** How many of its appends, from one of them on, take no more than so many bytes together. */
  countFitting(from: number, bytes: number): number {
    let left = bytes
    let at = from
    while (at < this.sizes.length && this.sizes[at]! <= left) left -= this.sizes[at++]!
    return at - from
  }

  /** Some of its appends, counted from 0: `from` included, `to` excluded. An append is never split. */
  part(from: number, to: number): UnsealedRun {
    if (from === 0 && to === this.counts.length) return this
    const [counts, sizes] = [this.counts.slice(from, to), this.sizes.slice(from, to)]
    const start = sum(this.sizes.slice(0, from))
    return new UnsealedRun({
      first: this.first + sum(this.counts.slice(0, from)),
      count: sum(counts),
      counts,
      sizes,
      content: this.content.subarray(start, start + sum(sizes)),
    })
  }

  /** What remains when the appends up to a position are taken away. The position ends an append. */
  after(position: number): UnsealedRun {
    let last = this.first - 1
    let from = 0
    while (last < position) last += this.counts[from++]!
    return this.part(from, this.counts.length)
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
