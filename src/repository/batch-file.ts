import type { Codec } from '../event/event.ts'

/** A batch file: where it starts, how it is written, and its blob. */
export interface BatchFile {
  /** Position of its first event. */
  readonly first: number
  readonly codec: Codec
  readonly oid: string
}

/** A directory below `events/`: never empty, its files in the order of their positions. */
export interface BatchDirectory {
  /** Its name as a number: position div 1,000,000. */
  readonly number: number
  readonly oid: string
  readonly files: readonly BatchFile[]
}
