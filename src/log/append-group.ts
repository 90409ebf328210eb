import type { Durability, JournalGroup } from '../journal/journal.ts'
import { UnsealedRun } from './run.ts'

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
