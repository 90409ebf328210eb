import type { AppendCondition } from '../../event/condition.ts'
import type { StreamAppend } from '../../log/preparation.ts'

/** An append as the outbox keeps it: as it was asked for, with the ids of its events. */
export interface StoredAppend {
  readonly appends: readonly StreamAppend[]
  readonly condition?: AppendCondition
}

/** Why an append did not hold. */
export interface ConflictReason {
  readonly code: string
  readonly message: string
}

/** One record of the outbox. What it says of a key replaces what was said before. */
export type OutboxRecord =
  /** Accepted, on its way; with a conflict, it did not hold and waits for a decision. */
  | { readonly key: string; readonly append: StoredAppend; readonly conflict?: ConflictReason }
  /** The remote has it, or it was given up. */
  | { readonly key: string; readonly done: true }

/** What the outbox keeps of an append. */
export type OutboxEntry = Exclude<OutboxRecord, { done: true }>

/** What is left in an outbox, by key, in the order of the newest record of each. */
export class OutboxState {
  private readonly kept = new Map<string, { readonly entry: OutboxEntry; readonly number: number }>()

  /** Takes a record in; `number` is its place in the outbox. */
  apply(record: OutboxRecord, number: number): void {
    this.kept.delete(record.key)
    if (!('done' in record)) this.kept.set(record.key, { entry: record, number })
  }

  get entries(): readonly OutboxEntry[] {
    return [...this.kept.values()].map(({ entry }) => entry)
  }

  /** Undefined for a key that is not kept. */
  entry(key: string): OutboxEntry | undefined {
    return this.kept.get(key)?.entry
  }

  /** The number of the oldest record that is still needed. */
  get oldest(): number | undefined {
    return this.kept.values().next().value?.number
  }
}

/** Undefined for what is no record. What is asked for in an append is looked at when it is taken up. */
export function parseRecord(text: string): OutboxRecord | undefined {
  try {
    const record = JSON.parse(text)
    const { key, done, append, conflict } = record
    const isAppend = () =>
      append.appends.every(isStreamAppend) && (conflict === undefined || isReason(conflict))
    return typeof key === 'string' && (done === true || isAppend()) ? record : undefined
  } catch {
    return undefined
  }
}

function isStreamAppend({ stream, events }: Partial<StreamAppend>): boolean {
  return typeof stream === 'string' && events?.every(({ type }) => typeof type === 'string') === true
}

function isReason({ code, message }: Partial<ConflictReason>): boolean {
  return typeof code === 'string' && typeof message === 'string'
}
