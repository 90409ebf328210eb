import { Lines } from '../event/lines.ts'

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

/** One append that is in the journal and not yet in a commit. It is never split between two commits. */
export interface UnsealedAppend {
  readonly first: number
  readonly count: number
  /** Stored lines, each ended by LF. */
  readonly lines: string
}

/** Appends that were journaled together; their lines are scanned when somebody asks for them. */
export class UnsealedRun implements Run {
  readonly first: number
  readonly count: number
  /** The lines of all appends: one string, since many small ones cost the garbage collector more than the disk. */
  readonly text: string
  readonly bytes: number
  readonly #counts: number[] = []
  /** Where each append ends in the text. */
  readonly #ends: number[] = []
  #lines: Lines | undefined

  constructor(appends: readonly UnsealedAppend[]) {
    this.first = appends[0]!.first
    this.text = appends.map(({ lines }) => lines).join('')
    this.bytes = Buffer.byteLength(this.text)
    let count = 0
    let end = 0
    for (const append of appends) {
      count += append.count
      end += append.lines.length
      this.#counts.push(append.count)
      this.#ends.push(end)
    }
    this.count = count
  }

  *appends(): Generator<UnsealedAppend> {
    let first = this.first
    let start = 0
    for (const [at, count] of this.#counts.entries()) {
      const end = this.#ends[at]!
      yield { first, count, lines: this.text.slice(start, end) }
      first += count
      start = end
    }
  }

  /** What remains when the appends up to a position are taken away. */
  after(position: number): UnsealedRun {
    return new UnsealedRun([...this.appends()].filter(({ first }) => first > position))
  }

  get lines(): Lines {
    this.#lines ??= Lines.fromText(this.text, 'journal')
    return this.#lines
  }
}
