import { LogIndex } from '../log/log-index.ts'
import type { MemoryFor, Piece, SnapshotFile } from './snapshot-file.ts'

/** What is in the first part, as JSON; each column is a part of its own. */
interface About {
  readonly streams: readonly string[]
  readonly types: readonly string[]
  readonly tags: readonly string[]
  readonly idKey: number
  /** The length of each column. */
  readonly layout: readonly number[]
}

/**
 * The parts of a log's index for a snapshot file, as it stands now: its names and its columns. Of what changes
 * copies are taken. The rest may be read later: what is visible stays as it is, and a rewritten history has another index.
 */
export function encodeIndex(index: LogIndex): (readonly Piece[])[] {
  const about: About = {
    streams: index.streams.all(),
    types: index.types.all(),
    tags: index.tags.names.all(),
    idKey: index.idKey,
    layout: index.columns.map(({ length }) => length),
  }
  const names = Buffer.from(JSON.stringify(about))
  const columns = index.columns.map((column) =>
    index.changing.has(column) ? column.pieces().map(copied) : column.pieces(),
  )
  return [[() => names], ...columns]
}

function copied(piece: Piece): Piece {
  const copy = piece().slice()
  return () => copy
}

/** What of an index is in memory from the start: names, what adding needs, and the chunks that events are added to. */
export const indexMemory: MemoryFor = ({ part, length }, isLastOfPart) => {
  if (part === 0) return Buffer.allocUnsafeSlow(length)
  const column = EMPTY.columns[part - 1]
  if (column === undefined || !(isLastOfPart || EMPTY.neededToAdd.has(column))) return
  return Buffer.alloc(column.chunkBytes)
}

const EMPTY = new LogIndex()

/**
 * The index that a snapshot holds. It looks into the file for what is not in memory, so the file has to stay open:
 * opening a log of a million events costs little more than the names of its streams. Undefined if the parts
 * have another layout.
 */
export function decodeIndex(file: SnapshotFile): LogIndex | undefined {
  const names = file.keptPiece(0, 0)
  if (names === undefined) return undefined
  const about: About = JSON.parse(names.toString('utf8'))
  const index = new LogIndex(about.idKey)
  if (about.layout.length !== index.columns.length) return undefined
  for (const [at, column] of index.columns.entries()) {
    const part = at + 1
    const kept = new Map<number, Buffer>()
    for (let chunk = 0; chunk < file.pieces(part); chunk++) {
      const memory = file.keptPiece(part, chunk)
      if (memory !== undefined) kept.set(chunk, memory)
    }
    const stored = { read: (chunk: number, into: Uint8Array) => file.readPiece(part, chunk, into) }
    column.adopt(about.layout[at]!, stored, kept)
  }
  index.streams.addAll(about.streams)
  index.types.addAll(about.types)
  index.tags.names.addAll(about.tags)
  return index
}
