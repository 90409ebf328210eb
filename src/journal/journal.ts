/**
 * One append as the journal keeps it: atomic, so a reader of the journal sees all of it or nothing.
 */
export interface JournalEntry {
  /** Position of its first event. */
  readonly first: number
  /** How many events it holds, 1 or more. */
  readonly count: number
  /** The events as JSON lines, each ended by LF. */
  readonly lines: string
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
   * Adds entries, all or none, in one write. One call at a time: callers group what waits.
   *
   * The first entry follows the last one in the journal. It may leave positions out only when everything
   * before it is released: after opening, call `release` with the position that is safe elsewhere.
   *
   * @throws JournalFullError when there is no room: nothing was kept, and a later append may succeed.
   * @throws JournalFailedError when the disk failed: the journal takes no more appends until it is
   *   opened again.
   */
  append(entries: readonly JournalEntry[], durability: Durability): Promise<void>
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
