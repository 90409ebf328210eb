import { crc32 } from 'node:zlib'
import { LogClosedError } from '../log/errors.ts'
import { writeFully } from '../repository/durable-file.ts'
import type { File, FileSystem } from '../system/file-system.ts'
import { SnapshotChangedError } from './errors.ts'
import {
  decodeHead,
  encodeHead,
  HEAD_START,
  headLength,
  headLengthFrom,
  type PieceEntry,
  type SnapshotHead,
  type SnapshotHeader,
} from './snapshot-head.ts'

/** Gives the bytes of a piece. They are used before the next piece is asked for. */
export type Piece = () => Uint8Array

/**
 * Gives the memory, as long as the piece or longer, that a piece is kept in from the start; undefined for one that is
 * read again when it is needed.
 */
export type MemoryFor = (piece: PieceEntry, isLastOfPart: boolean) => Buffer | undefined

export const KEEP_ALL: MemoryFor = ({ length }) => Buffer.allocUnsafeSlow(length)

/** So many bytes are written, or read and checked, at once. */
const BLOCK = 1 << 20

/**
 * Writes a snapshot, its head last: piece by piece, so that neither time nor memory is taken up by all of it.
 *
 * @param parts of the snapshot, each in pieces
 */
export async function writeSnapshot(
  file: File,
  { header, commit }: Pick<SnapshotHead, 'header' | 'commit'>,
  parts: readonly (readonly Piece[])[],
): Promise<void> {
  const count = parts.reduce((sum, pieces) => sum + pieces.length, 0)
  const blocks = new BlockWriter(file, headLength(header, count))
  const entries: PieceEntry[] = []
  for (const [part, pieces] of parts.entries()) {
    for (const piece of pieces) {
      const bytes = piece()
      entries.push({ part, length: bytes.length, checksum: crc32(bytes) })
      await blocks.add(bytes)
    }
  }
  await blocks.flush()
  await writeFully(file, encodeHead({ header, commit, pieces: entries }))
}

/** Writes bytes one behind the other, many at once. */
class BlockWriter {
  private readonly block = Buffer.allocUnsafeSlow(BLOCK)
  private used = 0

  /** @param at where the first byte goes */
  constructor(
    private readonly file: File,
    private at: number,
  ) {}

  /** The bytes may change once it resolves. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const taken = bytes.subarray(from, from + BLOCK - this.used)
      this.block.set(taken, this.used)
      this.used += taken.length
      from += taken.length
      if (this.used === BLOCK) await this.flush()
    }
  }

  async flush(): Promise<void> {
    await writeFully(this.file, this.block.subarray(0, this.used), this.at)
    this.at += this.used
    this.used = 0
  }
}

/** A piece, and where it lies in the file. */
interface PlacedPiece extends PieceEntry {
  readonly from: number
}

/** An open snapshot file that was found whole. What is not kept in memory is read, and checked, when it is needed. */
export class SnapshotFile {
  readonly header: SnapshotHeader
  readonly commit: string
  private readonly parts: readonly (readonly PlacedPiece[])[]
  private isClosed = false

  private constructor(
    private readonly file: File,
    head: SnapshotHead,
    pieces: readonly PlacedPiece[],
    private readonly kept: ReadonlyMap<PlacedPiece, Buffer>,
  ) {
    this.header = head.header
    this.commit = head.commit
    this.parts = byPart(pieces)
  }

  /**
   * Opens a snapshot and checks all of it. What `memoryFor` does not keep goes through the same memory block by
   * block: the first use of new memory may take ten times as long as reading and checking what is put there.
   *
   * @returns undefined where the file is not as it was written, to the bit
   * @throws Node's errors where it cannot be read
   */
  static async open(
    fileSystem: FileSystem,
    path: string,
    memoryFor: MemoryFor,
  ): Promise<SnapshotFile | undefined> {
    const file = await fileSystem.open(path, 'r')
    let opened: SnapshotFile | undefined
    try {
      const head = await readHead(file)
      if (head === undefined) return undefined
      const pieces = placePieces(head)
      const kept = await check(file, pieces, memoryFor)
      if (kept !== undefined) opened = new SnapshotFile(file, head, pieces, kept)
      return opened
    } finally {
      if (opened === undefined) await file.close()
    }
  }

  /** How many pieces a part has. */
  pieces(part: number): number {
    return this.parts[part]?.length ?? 0
  }

  /** A piece that was kept. */
  keptPiece(part: number, at: number): Buffer | undefined {
    return this.kept.get(this.parts[part]![at]!)
  }

  /**
   * Reads a piece now: the thread waits for it.
   *
   * @param into takes its bytes; may be longer
   * @throws SnapshotChangedError, LogClosedError
   */
  readPiece(part: number, at: number, into: Uint8Array): void {
    // A closed descriptor may be that of another file by now.
    if (this.isClosed) throw new LogClosedError()
    const { from, length, checksum } = this.parts[part]![at]!
    let problem: unknown
    try {
      const done = readNow(this.file, into, from, length)
      if (done === length && crc32(into.subarray(0, done)) === checksum) return
    } catch (cause) {
      problem = cause
    }
    throw new SnapshotChangedError(this.header.position, problem)
  }

  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    await this.file.close()
  }
}

async function readHead(file: File): Promise<SnapshotHead | undefined> {
  const size = await file.size()
  const start = Buffer.alloc(Math.min(HEAD_START, size))
  await readFully(file, start, 0)
  const length = headLengthFrom(start)
  if (length === undefined || length > size) return undefined
  const bytes = Buffer.alloc(length)
  await readFully(file, bytes, 0)
  const head = decodeHead(bytes)
  const end = head?.pieces.reduce((sum, piece) => sum + piece.length, length)
  return end === size ? head : undefined
}

function placePieces({ header, pieces }: SnapshotHead): PlacedPiece[] {
  let at = headLength(header, pieces.length)
  return pieces.map((piece) => {
    const from = at
    at += piece.length
    return { ...piece, from }
  })
}

function byPart(pieces: readonly PlacedPiece[]): PlacedPiece[][] {
  const parts: PlacedPiece[][] = []
  for (const piece of pieces) {
    while (parts.length <= piece.part) parts.push([])
    parts[piece.part]!.push(piece)
  }
  return parts
}

/** Reads every piece and checks it. @returns those that are kept, or undefined where one is not as it was written */
async function check(
  file: File,
  pieces: readonly PlacedPiece[],
  memoryFor: MemoryFor,
): Promise<Map<PlacedPiece, Buffer> | undefined> {
  const kept = new Map<PlacedPiece, Buffer>()
  for (const [at, piece] of pieces.entries()) {
    const memory = memoryFor(piece, pieces[at + 1]?.part !== piece.part)
    if (memory !== undefined) kept.set(piece, memory)
  }
  const longest = pieces.reduce((most, piece) => (kept.has(piece) ? most : Math.max(most, piece.length)), 0)
  const passing = Buffer.allocUnsafeSlow(longest === 0 ? 0 : Math.max(longest, BLOCK))
  for (let at = 0; at < pieces.length; ) {
    const together = piecesReadTogether(pieces, at, kept)
    const { from } = together[0]!
    const length = endOf(together.at(-1)!) - from
    const bytes = (kept.get(together[0]!) ?? passing).subarray(0, length)
    const done = await readFully(file, bytes, from)
    const isWhole = (piece: PlacedPiece) =>
      crc32(bytes.subarray(piece.from - from, endOf(piece) - from)) === piece.checksum
    if (done < length || !together.every(isWhole)) return undefined
    at += together.length
  }
  return kept
}

/** A piece that is kept, or several that are not: fewer turns of the event loop, which is busy while a log opens. */
function piecesReadTogether(
  pieces: readonly PlacedPiece[],
  at: number,
  kept: ReadonlyMap<PlacedPiece, Buffer>,
): readonly PlacedPiece[] {
  const first = pieces[at]!
  const isMore = (piece: PlacedPiece) => !kept.has(piece) && endOf(piece) - first.from <= BLOCK
  let to = at + 1
  if (!kept.has(first)) while (to < pieces.length && isMore(pieces[to]!)) to++
  return pieces.slice(at, to)
}

function endOf({ from, length }: PlacedPiece): number {
  return from + length
}

/** @returns how many bytes there were */
async function readFully(file: File, bytes: Uint8Array, from: number): Promise<number> {
  let done = 0
  while (done < bytes.length) {
    const count = await file.read(bytes, done, bytes.length - done, from + done)
    if (count === 0) break
    done += count
  }
  return done
}

function readNow(file: File, bytes: Uint8Array, from: number, length: number): number {
  let done = 0
  while (done < length) {
    const count = file.readNow(bytes, done, length - done, from + done)
    if (count === 0) break
    done += count
  }
  return done
}
