/** How the events of a log are written in its batch files. */
export type Codec = 'jsonl' | 'yaml'

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Facts about an event rather than of it. Any JSON beside the three fields with a fixed meaning. */
export interface Metadata {
  /** Ties together the events of one business transaction. */
  readonly correlationId?: string
  /** Id of the event or command that led to this one. */
  readonly causationId?: string
  /** Who did it. */
  readonly actor?: string
  readonly [key: string]: unknown
}

/** An event to append. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  /** What happened, in the past tense: `MoneyDeposited`. 1 to 200 characters. */
  readonly type: Type
  /** Any JSON value; absent means `{}`. */
  readonly data?: Data
  /** Facts about the event: who, and why. Default `{}`. */
  readonly metadata?: Metadata
  /** Labels for conditions across streams, such as `customer:7`: at most 100, of 1 to 200 characters each. */
  readonly tags?: readonly string[]
  /** Version of the event type's schema, from 1. Default 1. */
  readonly schema?: number
  /** Makes a retry safe: the same id is never stored twice. Default: a new UUID, version 7. */
  readonly id?: string
  /** When the log recorded it; for imports. Default: now. Never earlier than the log's last event. */
  readonly time?: string | Date
}

/** An event that was read: immutable, with its place in the stream and in the log. */
export interface RecordedEvent<Type extends string = string, Data = unknown> {
  /** Place in the whole log: 1, 2, 3 … */
  readonly position: number
  readonly stream: string
  /** Place in its stream: 1, 2, 3 … */
  readonly version: number
  readonly type: Type
  readonly schema: number
  readonly tags: readonly string[]
  readonly id: string
  /** ISO 8601, UTC, milliseconds. Never goes backwards in the log. */
  readonly time: string
  readonly data: Data
  readonly metadata: Metadata
}
