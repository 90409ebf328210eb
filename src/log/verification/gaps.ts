import type { BatchFile } from '../../repository/batch-file.ts'

/** A batch file that a commit added. */
export interface AddedFile {
  readonly file: BatchFile
  /** How many events it holds; undefined when it could not be read. */
  readonly count: number | undefined
}

/** A gap before a batch file. */
export interface Gap {
  readonly file: BatchFile
  /** Where the file should have begun. */
  readonly expected: number
  /** The commit that left it. */
  readonly commit: string
}

/** A log with so many open gaps is told to have them in any case. */
const MOST_OPEN = 1000

/**
 * Finds gaps between batch files that a later commit filled. The log as it stands does not show them, but whoever looks
 * at each commit, as a restore or a replica does, refuses such a history: there was no log at the commits in between.
 */
export class Gaps {
  /** In the order of positions. */
  private readonly open: Gap[] = []
  private end: number | undefined = 1

  /** The position behind the last event, if it is known. */
  get next(): number | undefined {
    return this.end
  }

  /** Says that what comes next does not follow on what was passed. */
  lose(): void {
    this.end = undefined
  }

  /**
   * Passes a commit.
   *
   * @param last the last of all batch files after it
   * @returns gaps of earlier commits into which it put a file
   */
  pass(commit: string, added: readonly AddedFile[], last: BatchFile | undefined): Gap[] {
    const filled = added.flatMap(({ file }) => this.take(file.first))
    for (const { file, count } of added) {
      const { end } = this
      const isGap = end !== undefined && file.first > end
      if (isGap && this.open.length < MOST_OPEN) this.open.push({ file, expected: end, commit })
      if (count === undefined) this.end = undefined
      else if (end !== undefined) this.end = Math.max(end, file.first + count)
      else if (file.first === last?.first) this.end = file.first + count
    }
    return filled
  }

  private take(first: number): Gap[] {
    const at = this.open.findIndex(({ file, expected }) => expected <= first && first < file.first)
    return at === -1 ? [] : this.open.splice(at, 1)
  }
}
