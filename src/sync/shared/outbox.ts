import { JournalCorruptError, JournalFullError } from '../../journal/errors.ts'
import { openFileJournal } from '../../journal/file-journal.ts'
import { type Durability, groupEntries, type Journal } from '../../journal/journal.ts'
import { Exclusive } from '../../log/exclusive.ts'
import { fileError } from '../../repository/durable-file.ts'
import type { FileSystem } from '../../system/file-system.ts'
import {
  type ConflictReason,
  type OutboxEntry,
  type OutboxRecord,
  OutboxState,
  parseRecord,
} from './outbox-record.ts'

/** An outbox that takes more room than this, and twice what was left in it, is written anew with what is left. */
const ROOMY_BYTES = 16 << 20

/**
 * Keeps what was accepted here and is not on the remote yet, through crashes and restarts: appends on their
 * way, and those that did not hold, until somebody decides about them.
 *
 * It is a file journal of its own, whose entries are records numbered 1, 2, 3 …: what they say of a key in
 * the end is what is left. A record that is not needed any more goes with all that is older than it.
 */
export class Outbox {
  private readonly writing = new Exclusive()
  private readonly queued: OutboxRecord[] = []
  private isDurable = false
  /** How much room it took when it had been written anew. */
  private leftBytes = 0
  private next: Promise<void> | undefined

  private constructor(
    private readonly directory: string,
    private readonly journal: Journal,
    private readonly state: OutboxState,
    private last: number,
  ) {}

  /** @throws JournalCorruptError, JournalFailedError, PermissionDeniedError, FileFailedError */
  static async open(directory: string, fileSystem: FileSystem): Promise<Outbox> {
    let journal: Journal | undefined
    try {
      journal = await openFileJournal({ directory, fileSystem })
      const { state, last } = await readState(journal, directory)
      const outbox = new Outbox(directory, journal, state, last)
      await outbox.writing.run(() => outbox.writeAnew().catch(passOverFullDisk))
      return outbox
    } catch (error) {
      await journal?.close().catch(() => undefined)
      throw fileError(directory, error)
    }
  }

  /**
   * What an outbox holds, read beside the process that writes to it.
   *
   * @throws JournalCorruptError, PermissionDeniedError, FileFailedError
   */
  static async read(directory: string, fileSystem: FileSystem): Promise<readonly OutboxEntry[]> {
    try {
      const journal = await openFileJournal({ directory, fileSystem, readOnly: true })
      return (await readState(journal, directory)).state.entries
    } catch (error) {
      throw fileError(directory, error)
    }
  }

  /** Appends that are on their way, oldest first. */
  get pending(): readonly OutboxEntry[] {
    return this.state.entries.filter(({ conflict }) => conflict === undefined)
  }

  /** Appends that did not hold, oldest first. */
  get conflicts(): readonly OutboxEntry[] {
    return this.state.entries.filter(({ conflict }) => conflict !== undefined)
  }

  holds(key: string): boolean {
    return this.state.entry(key) !== undefined
  }

  /** Keeps appends; on the disk when it resolves. @throws JournalFullError, JournalFailedError */
  add(entries: readonly OutboxEntry[]): Promise<void> {
    return this.write(entries, 'durable')
  }

  /** Keeps an append that it holds as a conflict. */
  async refuse(key: string, conflict: ConflictReason): Promise<void> {
    const entry = this.state.entry(key)
    if (entry !== undefined) await this.write([{ ...entry, conflict }], 'durable')
  }

  /** Forgets an append; `'written'` where it does no harm if a power cut brings it back. */
  async forget(key: string, durability: Durability): Promise<void> {
    if (this.state.entry(key) !== undefined) await this.write([{ key, done: true }], durability)
  }

  /** @throws PermissionDeniedError, FileFailedError */
  close(): Promise<void> {
    return this.writing.run(() =>
      this.journal.close().catch((error: unknown) => {
        throw fileError(this.directory, error)
      }),
    )
  }

  /** What is asked for while a write is under way shares the next one. */
  private write(records: readonly OutboxRecord[], durability: Durability): Promise<void> {
    this.queued.push(...records)
    if (durability === 'durable') this.isDurable = true
    this.next ??= this.writing.run(async () => {
      const group = this.queued.splice(0)
      const strongest = this.isDurable ? 'durable' : 'written'
      this.next = undefined
      this.isDurable = false
      await this.append(group, strongest)
      // It is kept, whatever becomes of the rest: a full disk may have room the next time, and a journal that
      // failed says so.
      await this.tidy().catch(() => undefined)
    })
    return this.next
  }

  private async tidy(): Promise<void> {
    await this.release()
    const { bytes } = this.journal.status()
    // All that waits may take more: written anew with each append, it would keep the disk busy.
    if (bytes > Math.max(ROOMY_BYTES, 2 * this.leftBytes)) await this.writeAnew()
  }

  /** Puts what is left behind everything else, so that nothing old has to be kept for it. */
  private async writeAnew(): Promise<void> {
    const { entries } = this.state
    if (entries.length > 0) await this.append(entries, 'durable')
    await this.release()
    this.leftBytes = this.journal.status().bytes
  }

  private async append(records: readonly OutboxRecord[], durability: Durability): Promise<void> {
    if (records.length === 0) return
    const first = this.last + 1
    const lines = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`))
    const entries = lines.map((line, at) => ({ first: first + at, count: 1, lines: line }))
    await this.journal.append(groupEntries(entries), durability)
    this.last += records.length
    records.forEach((record, at) => {
      this.state.apply(record, first + at)
    })
  }

  private release(): Promise<void> {
    return this.journal.release((this.state.oldest ?? this.last + 1) - 1)
  }
}

/** @throws JournalCorruptError for what was never written here, whatever its checksums say */
async function readState(
  journal: Journal,
  directory: string,
): Promise<{ readonly state: OutboxState; readonly last: number }> {
  const state = new OutboxState()
  let last = 0
  for await (const { first, lines } of journal.read()) {
    const record = parseRecord(lines.toString())
    if (record === undefined)
      throw new JournalCorruptError(directory, 0, `entry ${first} is none of an outbox`)
    state.apply(record, first)
    last = first
  }
  return { state, last }
}

/** What is left stays where it was. */
function passOverFullDisk(error: unknown): void {
  if (!(error instanceof JournalFullError)) throw error
}
