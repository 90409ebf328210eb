import type { Codec } from '../event/event.ts'

/** Where things lie in the tree of a log, format 1. */

export const MANIFEST_PATH = 'memoir.yaml'
export const GITATTRIBUTES_PATH = '.gitattributes'
export const EVENTS_PATH = 'events'

/** Bytes are never converted between the repository and a work tree. */
export const GITATTRIBUTES = '* -text\n'

/** A batch file of so many bytes is full: it is never folded again. */
export const FULL_BATCH_BYTES = 512 * 1024

/** No batch file is larger, unless one atomic append is. */
export const MAX_BATCH_BYTES = 1024 * 1024

/**
 * The most that one append takes, in bytes of JSON lines. As YAML they take up to twice the room, and whoever
 * reads a log refuses objects above a limit of his own, 16 MiB where nothing else is said.
 */
export const MAX_APPEND_BYTES = 8 * 1024 * 1024

/** So many files that are not full, after the last full one of a directory, are folded. */
export const FOLD_AFTER = 256

/** How many positions share a directory. */
const POSITIONS_PER_DIRECTORY = 1_000_000

const POSITION_DIGITS = 12
const DIRECTORY_DIGITS = 6
const MAX_POSITION = 10 ** POSITION_DIGITS - 1

/** What the name of a batch file says. */
export interface BatchName {
  /** Position of its first event. */
  readonly first: number
  readonly codec: Codec
}

/** The directory, below `events/`, for a batch that starts at a position: `000001`. */
export function directoryName(first: number): string {
  return String(directoryNumber(first)).padStart(DIRECTORY_DIGITS, '0')
}

/** The number of that directory. */
export function directoryNumber(first: number): number {
  if (!Number.isSafeInteger(first) || first < 1 || first > MAX_POSITION) {
    throw new RangeError(`${first} is not a position between 1 and ${MAX_POSITION}`)
  }
  return Math.floor(first / POSITIONS_PER_DIRECTORY)
}

/** The name of a batch file in its directory: `000000000043.jsonl`. */
export function batchName(first: number, codec: Codec): string {
  return `${String(first).padStart(POSITION_DIGITS, '0')}.${codec}`
}

/** The path of a batch file from the root: `events/000000/000000000043.jsonl`. */
export function batchPath(first: number, codec: Codec): string {
  return `${EVENTS_PATH}/${directoryName(first)}/${batchName(first, codec)}`
}

/** What the name of a file says, or undefined if it is not the name of a batch. */
export function parseBatchName(name: string): BatchName | undefined {
  const match = /^(\d{12})\.(jsonl|yaml)$/.exec(name)
  const first = Number(match?.[1])
  return match && first > 0 ? { first, codec: match[2] === 'yaml' ? 'yaml' : 'jsonl' } : undefined
}

/** The number of a directory below `events/`, or undefined if this is not the name of one. */
export function parseDirectoryName(name: string): number | undefined {
  return /^\d{6}$/.test(name) ? Number(name) : undefined
}
