import type { Durability, JournalGroup } from '../journal/journal.ts'
import { UnsealedRun } from './run.ts'

/** Room for the lines of a thousand events of common size. */
const FIRST_BYTES = 512 * 1024
/** One huge append does not keep its memory for ever. */
const KEPT_BYTES = 4 * 1024 * 1024

/**
 * Turns lines into bytes as they come, in memory that it uses again and again: a line that waits as a string
 * costs the garbage collector more than its bytes cost the disk.
 */
export class LineBuffer {
  private bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  private used = 0

  /** Adds a line. @returns how many bytes it takes */
  add(line: string): number {
    // A UTF-16 unit takes at most 3 bytes: the exact count, which has to look at the text, is rarely needed.
    if (this.used + line.length * 3 > this.bytes.length) this.reserve(Buffer.byteLength(line))
    const bytes = this.bytes.write(line, this.used)
    this.used += bytes
    return bytes
  }

  /** Gives the bytes that were added, as memory of their own, and begins anew. */
  take(): Buffer {
    const content = Buffer.from(this.bytes.subarray(0, this.used))
    this.used = 0
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    return content
  }

  private reserve(bytes: number): void {
    const needed = this.used + bytes
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)))
    this.bytes.copy(grown, 0, 0, this.used)
    this.bytes = grown
  }
}

/** Appends that are written to the journal together, and resolve together. */
export class AppendGroup {
  /** Settles when the group is journaled and visible, or refused. */
  readonly journaled: Promise<void>
  /** How many bytes its lines take. */
  bytes = 0
  /** The weakest that all of its appends are content with. */
  durability: Durability = 'written'
  resolve!: () => void
  reject!: (error: unknown) => void
  private count = 0
  private readonly counts: number[] = []
  private readonly sizes: number[] = []

  /** @param first position of its first event */
  constructor(private readonly first: number) {
    this.journaled = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Takes in an append of so many events, whose lines take so many bytes. */
  add(count: number, bytes: number, durability: Durability): void {
    this.count += count
    this.bytes += bytes
    this.counts.push(count)
    this.sizes.push(bytes)
    if (durability === 'durable') this.durability = 'durable'
  }

  toRun(content: Buffer): UnsealedRun {
    const { first, count, counts, sizes } = this
    return new UnsealedRun({ first, count, counts, sizes, content } satisfies JournalGroup)
  }
}
