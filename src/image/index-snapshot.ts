import { LogIndex } from '../log/log-index.ts'
import type { Names } from '../log/names.ts'
import type { MemoryFor, Piece, SnapshotFile } from './snapshot-file.ts'

/** What the first part begins with, as JSON. In its other pieces are the names; each column is a part of its own. */
interface About {
  /** How many names there are: of streams, types and tags. */
  readonly names: readonly number[]
  readonly idKey: number
  /** The length of each column. */
  readonly layout: readonly number[]
}

/** So many names stand in one piece: all of them may be more than a text can hold, which is 512 MiB. */
const NAMES_A_PIECE = 1 << 16

/**
 * The parts of a log's index for a snapshot file, as it stands now: its names and its columns. Of what changes
 * copies are taken. The rest may be read later: what is visible stays as it is, and a rewritten history has another index.
 */
export function encodeIndex(index: LogIndex): (readonly Piece[])[] {
  const about: About = {
    names: namesOf(index).map(({ count }) => count),
    idKey: index.idKey,
    layout: index.columns.map(({ length }) => length),
  }
  const head = asJson(about)
  const columns = index.columns.map((column) =>
    index.changing.has(column) ? column.pieces().map(copied) : column.pieces(),
  )
  return [[() => head, ...namesOf(index).flatMap(encodeNames)], ...columns]
}

function namesOf({ streams, types, tags }: LogIndex): readonly Names[] {
  return [streams, types, tags.names]
}

/** The names that there are now: of those that come, none is in it. */
function encodeNames(names: Names): Piece[] {
  const { count } = names
  return Array.from({ length: Math.ceil(count / NAMES_A_PIECE) }, (_, at) => () => {
    const from = at * NAMES_A_PIECE
    return asJson(names.all().slice(from, Math.min(count, from + NAMES_A_PIECE)))
  })
}

function asJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
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
  const about: About = fromJson(file.keptPiece(0, 0))
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
  let piece = 1
  for (const [at, into] of namesOf(index).entries()) {
    const names: string[] = []
    while (names.length < about.names[at]!) {
      for (const name of fromJson<string[]>(file.keptPiece(0, piece++))) names.push(name)
    }
    into.addAll(names)
  }
  return index
}

function fromJson<T>(piece: Buffer | undefined): T {
  return JSON.parse(piece!.toString('utf8'))
}
