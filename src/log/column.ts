const CHUNK_BITS = 16
const CHUNK = 1 << CHUNK_BITS
const MASK = CHUNK - 1

type Numbers = Uint32Array | Float64Array

/**
 * A growing array of numbers of one kind, in chunks of 65,536: it never copies what it holds and wastes
 * less than one chunk, where an array that doubles wastes up to half.
 */
export class Column<T extends Numbers> {
  private readonly chunks: T[] = []
  private used = 0

  constructor(private readonly create: (length: number) => T) {}

  static uint32(): Column<Uint32Array> {
    return new Column((length) => new Uint32Array(length))
  }

  static float64(): Column<Float64Array> {
    return new Column((length) => new Float64Array(length))
  }

  get length(): number {
    return this.used
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  }

  get(at: number): number {
    return this.chunks[at >>> CHUNK_BITS]![at & MASK]!
  }

  set(at: number, value: number): void {
    this.chunks[at >>> CHUNK_BITS]![at & MASK] = value
  }

  push(value: number): void {
    const chunk = this.used >>> CHUNK_BITS
    if (chunk === this.chunks.length) this.chunks.push(this.create(CHUNK))
    this.chunks[chunk]![this.used & MASK] = value
    this.used++
  }

  truncate(length: number): void {
    this.used = Math.min(this.used, length)
    this.chunks.length = Math.ceil(this.used / CHUNK)
  }

  /** The bytes it holds, for a snapshot: views on its memory, not copies. */
  *parts(): Generator<Uint8Array> {
    for (const [index, chunk] of this.chunks.entries()) {
      const length = Math.min(CHUNK, this.used - index * CHUNK) * chunk.BYTES_PER_ELEMENT
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, length)
    }
  }

  /** Fills an empty column with numbers from a snapshot; it keeps using that memory. */
  adopt(values: T): void {
    for (let from = 0; from < values.length; from += CHUNK) {
      const view = values.subarray(from, from + CHUNK) as T
      const isPartial = view.length < CHUNK
      const chunk = isPartial ? this.create(CHUNK) : view
      if (isPartial) chunk.set(view)
      this.chunks.push(chunk)
    }
    this.used = values.length
  }
}
