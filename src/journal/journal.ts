import { JournalMisuseError } from './errors.ts'

/**
 * One append as the journal keeps it: atomic, so a reader of the journal sees all of it or nothing.
 */
export interface JournalEntry {
  /** Position of its first event. */
  readonly first: number
  /** How many events it holds, 1 or more. */
  readonly count: number
  /** The events as JSON lines in UTF-8, each ended by LF. */
  readonly lines: Buffer
}

/** Entries that follow one another and are written together. */
export interface JournalGroup {
  /** Position of the first event. */
  readonly first: number
  /** How many events it holds. */
  readonly count: number
  /** For each entry how many events it holds, and how many bytes of `content` are theirs. */
  readonly counts: readonly number[]
  readonly sizes: readonly number[]
  /** The events of all entries as JSON lines, each ended by LF. */
  readonly content: Buffer
}

/** Entries that follow one another, as a group. @throws JournalMisuseError when they leave a gap */
export function groupEntries(entries: readonly JournalEntry[]): JournalGroup {
  const first = entries[0]?.first ?? 0
  let count = 0
  for (const entry of entries) {
    if (entry.first !== first + count) {
      throw new JournalMisuseError(`position ${entry.first} cannot follow position ${first + count - 1}`)
    }
    count += entry.count
  }
  return {
    first,
    count,
    counts: entries.map((entry) => entry.count),
    sizes: entries.map(({ lines }) => lines.length),
    content: Buffer.concat(entries.map(({ lines }) => lines)),
  }
}

/** How safe entries are when `append` resolves: with the operating system, or on the disk. */
export type Durability = 'written' | 'durable'

/**
 * The write-ahead journal: makes an append durable before it is committed to Git.
 *
 * A port: the file journal is the embedded default; a replicated journal can take its place without a
 * change above this line. Entries come in the order of their positions, without gaps.
 */
export interface Journal {
  /**
   * The entries that stood in the journal when it was opened, oldest first, without what was released
   * since. It may begin before the last released position: the caller knows what it needs no more.
   */
  read(): AsyncIterable<JournalEntry>
  /**
   * Adds a group of entries, all or none, in one write. One call at a time: callers group what waits.
   *
   * The first entry follows the last one in the journal. It may leave positions out only when everything
   * before it is released: after opening, call `release` with the position that is safe elsewhere.
   *
   * @throws JournalFullError when there is no room: nothing was kept, and a later append may succeed.
   * @throws JournalFailedError when the disk failed: the journal takes no more appends until it is
   *   opened again.
   */
  append(group: JournalGroup, durability: Durability): Promise<void>
  /**
   * Says that every entry up to and including this position is safe elsewhere and may be dropped. Appends
   * know of it at once and need not wait; the promise resolves when the space is given back.
   */
  release(position: number): Promise<void>
  /** Bytes on disk, and whether the journal was stopped by a failed disk. */
  status(): { readonly bytes: number; readonly segments: number; readonly failure: Error | undefined }
  /** Makes durable what was only written, and gives the files back. */
  close(): Promise<void>
}
