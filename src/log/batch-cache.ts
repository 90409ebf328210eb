import type { Batch } from './batch.ts'

/** Keeps the batches that were read last, up to a number of bytes. Batches are immutable, so are entries. */
export class BatchCache {
  private readonly entries = new Map<string, { readonly batch: Batch; readonly size: number }>()
  private size = 0

  constructor(private readonly capacity: number) {}

  find(key: string): Batch | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    // A Map keeps the order of insertion: what was used last goes to the end.
    this.remove(key, entry.size)
    this.add(key, entry.batch)
    return entry.batch
  }

  add(key: string, batch: Batch): void {
    if (this.entries.has(key)) return
    // It may have grown since the last time: its lines were scanned.
    const { size } = batch
    this.entries.set(key, { batch, size })
    this.size += size
    for (const [oldest, old] of this.entries) {
      if (this.size <= this.capacity || this.entries.size === 1) break
      this.remove(oldest, old.size)
    }
  }

  private remove(key: string, size: number): void {
    this.entries.delete(key)
    this.size -= size
  }
}
