import type { Lines } from '../event/lines.ts'

/** Keeps the batches that were read last, up to a number of bytes. Batches are immutable, so are entries. */
export class BatchCache {
  private readonly entries = new Map<string, Lines>()
  private size = 0

  constructor(private readonly capacity: number) {}

  find(oid: string): Lines | undefined {
    const lines = this.entries.get(oid)
    if (lines !== undefined) {
      // A Map keeps the order of insertion: what was used last goes to the end.
      this.entries.delete(oid)
      this.entries.set(oid, lines)
    }
    return lines
  }

  add(oid: string, lines: Lines): void {
    if (this.entries.has(oid)) return
    this.entries.set(oid, lines)
    this.size += lines.bytes
    for (const [oldest, old] of this.entries) {
      if (this.size <= this.capacity || this.entries.size === 1) break
      this.entries.delete(oldest)
      this.size -= old.bytes
    }
  }
}
