import type { AppendCondition, ExpectedVersion } from '../../src/event/condition.ts'
import type { AckLevel } from '../../src/log/appender.ts'
import type { AppendResult } from '../../src/log/placement.ts'

/** An append that a client asks for: told apart by its token, which every one of its events carries. */
export interface Operation {
  readonly token: string
  readonly appends: readonly {
    readonly stream: string
    readonly expectedVersion: ExpectedVersion
    readonly events: readonly OperationEvent[]
  }[]
  readonly condition?: AppendCondition
  readonly ack: AckLevel
}

export interface OperationEvent {
  readonly type: string
  readonly tags: readonly string[]
  /** Present in operations that may be repeated. */
  readonly id?: string
  /** `number` counts the events of the operation from 0. */
  readonly data: { readonly token: string; readonly number: number; readonly filler: string }
}

/** What a client was told of an attempt. */
export type Outcome =
  | {
      readonly kind: 'acknowledged'
      readonly result: Pick<AppendResult, 'firstPosition' | 'position' | 'streams'>
      /** Version of the first stream that the client then read in the image. */
      readonly seen: number
    }
  /** It was accepted without a place: stored in the end, or kept as a conflict. */
  | { readonly kind: 'accepted' }
  /** It failed, and the error says that the events are stored. */
  | { readonly kind: 'stored'; readonly code: string }
  /** It failed, and the error says that nothing is stored. */
  | { readonly kind: 'rejected'; readonly code: string }
  | { readonly kind: 'unknown'; readonly code: string }

/** One line of a history: an attempt begins, or ends. */
export type HistoryRecord =
  | { readonly begun: Operation; readonly at?: number }
  | { readonly ended: string; readonly outcome: Outcome; readonly at?: number }

/** The records of several processes of one machine, in the order in which they happened. */
export function inOrder(records: readonly HistoryRecord[]): HistoryRecord[] {
  return records.toSorted((left, right) => (left.at ?? 0) - (right.at ?? 0))
}

/** An operation and all that is known of its attempts. */
export interface Attempted {
  readonly operation: Operation
  /** When its first attempt began, in records. */
  readonly begunAt: number
  /** When it was acknowledged first, in records. */
  acknowledgedAt: number | undefined
  attempts: number
  readonly outcomes: Outcome[]
}

/** What clients asked for and were told, in the order in which it happened, kept outside of the log. */
export class History {
  readonly attempted = new Map<string, Attempted>()
  #records = 0

  static of(records: Iterable<HistoryRecord>): History {
    const history = new History()
    for (const record of records) history.add(record)
    return history
  }

  add(record: HistoryRecord): void {
    const at = this.#records++
    if ('begun' in record) {
      const { begun: operation } = record
      const known = this.attempted.get(operation.token)
      if (known !== undefined) known.attempts++
      else {
        const first = { operation, begunAt: at, acknowledgedAt: undefined, attempts: 1, outcomes: [] }
        this.attempted.set(operation.token, first)
      }
      return
    }
    const attempted = this.attempted.get(record.ended)
    if (attempted === undefined) throw new Error(`${record.ended} ended before it began`)
    attempted.outcomes.push(record.outcome)
    if (record.outcome.kind === 'acknowledged') attempted.acknowledgedAt ??= at
  }

  /** How many operations were acknowledged. */
  get acknowledged(): number {
    return [...this.attempted.values()].filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length
  }

  /** Operations with ids whose last attempt has no known end: whoever comes next repeats them. */
  get unsettled(): Operation[] {
    return [...this.attempted.values()]
      .filter(({ attempts, outcomes }) => outcomes.length < attempts || outcomes.at(-1)?.kind === 'unknown')
      .filter(({ acknowledgedAt }) => acknowledgedAt === undefined)
      .map(({ operation }) => operation)
      .filter(({ appends }) => appends[0]!.events[0]!.id !== undefined)
  }
}
