const CHUNK_BITS = 16
const CHUNK = 1 << CHUNK_BITS
const MASK = CHUNK - 1

type Numbers = Uint32Array | Float64Array

/** Where the chunks of a column are that a snapshot holds. */
export interface StoredChunks {
  /** Puts the bytes of a chunk, or of as much of it as is stored, at the beginning of `into`. The thread waits. */
  read(chunk: number, into: Uint8Array): void
}

/**
 * A growing array of numbers of one kind, in chunks of 65,536: it never copies what it holds and wastes
 * less than one chunk, where an array that doubles wastes up to half.
 *
 * Chunks that come from a snapshot may stay there until somebody looks into them.
 */
export class Column<T extends Numbers> {
  private readonly chunks: (T | undefined)[] = []
  private used = 0
  private stored: StoredChunks | undefined
  /** How many numbers are stored. */
  private storedLength = 0

  private constructor(
    /** What one chunk takes in memory. */
    readonly chunkBytes: number,
    /** A chunk in the memory that is given. */
    private readonly over: (memory: ArrayBufferLike, at: number) => T,
  ) {}

  static uint32(): Column<Uint32Array> {
    return new Column(CHUNK * 4, (memory, at) => new Uint32Array(memory, at, CHUNK))
  }

  static float64(): Column<Float64Array> {
    return new Column(CHUNK * 8, (memory, at) => new Float64Array(memory, at, CHUNK))
  }

  get length(): number {
    return this.used
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + (chunk?.byteLength ?? 0), 0)
  }

  get(at: number): number {
    const chunk = at >>> CHUNK_BITS
    return (this.chunks[chunk] ?? this.load(chunk))[at & MASK]!
  }

  set(at: number, value: number): void {
    const chunk = at >>> CHUNK_BITS
    const numbers = this.chunks[chunk] ?? this.load(chunk)
    numbers[at & MASK] = value
  }

  push(value: number): void {
    this.set(this.used, value)
    this.used++
  }

  truncate(length: number): void {
    this.used = Math.min(this.used, length)
    this.storedLength = Math.min(this.storedLength, length)
    this.chunks.length = Math.min(this.chunks.length, chunksIn(this.used))
  }

  /**
   * The bytes of each chunk, for a snapshot: views on its memory, or on one memory for all chunks that are only
   * stored, so each is used before the next is asked for. Numbers that are pushed later are not in them.
   */
  pieces(): (() => Uint8Array)[] {
    const { used } = this
    // Of these pieces alone: others may be on their way into another snapshot.
    let passing: Uint8Array | undefined
    const readPassing = (chunk: number) => {
      passing ??= new Uint8Array(this.chunkBytes)
      this.stored!.read(chunk, passing)
      return passing
    }
    return Array.from({ length: chunksIn(used) }, (_, chunk) => () => {
      const share = Math.min(CHUNK, used - chunk * CHUNK) / CHUNK
      const numbers = this.chunks[chunk]
      const bytes = numbers === undefined ? readPassing(chunk) : bytesOf(numbers)
      return bytes.subarray(0, this.chunkBytes * share)
    })
  }

  /**
   * Fills an empty column with what a snapshot holds.
   *
   * @param kept chunks that are in memory already, each in memory of the size of a chunk
   */
  adopt(length: number, stored: StoredChunks, kept: ReadonlyMap<number, Buffer>): void {
    this.used = length
    this.stored = stored
    this.storedLength = length
    for (let chunk = 0; chunk < chunksIn(length); chunk++) {
      const memory = kept.get(chunk)
      this.chunks.push(memory && this.over(memory.buffer, memory.byteOffset))
    }
  }

  /** Brings a chunk into memory: from where it is stored, or a new one. */
  private load(chunk: number): T {
    const numbers = this.over(new ArrayBuffer(this.chunkBytes), 0)
    if (chunk * CHUNK < this.storedLength) this.stored!.read(chunk, bytesOf(numbers))
    this.chunks[chunk] = numbers
    return numbers
  }
}

function chunksIn(length: number): number {
  return Math.ceil(length / CHUNK)
}

function bytesOf({ buffer, byteOffset, byteLength }: Numbers): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
