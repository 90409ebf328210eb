import { inspect } from 'node:util'
import type { Metadata, RecordedEvent } from './event.ts'
import type { Lines } from './lines.ts'

/** Knows the names that events have in common, so that they need not be read from each line. */
export interface EventNames {
  streamName(position: number): string
  typeName(position: number): string
}

/**
 * An event as projections get it: a view on its stored line that parses `data`, `metadata` and the rest
 * when they are first touched. `toJSON()` makes a plain object of it, which is what to keep: a view keeps
 * its whole batch in memory.
 */
export class StoredEvent implements RecordedEvent {
  readonly #names: EventNames | undefined
  readonly #lines: Lines
  readonly #line: number
  #data: unknown
  #metadata: Metadata | undefined

  constructor(
    readonly position: number,
    lines: Lines,
    line: number,
    names?: EventNames,
  ) {
    this.#names = names
    this.#lines = lines
    this.#line = line
  }

  get stream(): string {
    return this.#names?.streamName(this.position) ?? this.#lines.stream(this.#line)
  }

  get version(): number {
    return this.#lines.version(this.#line)
  }

  get type(): string {
    return this.#names?.typeName(this.position) ?? this.#lines.type(this.#line)
  }

  get schema(): number {
    return this.#lines.schema(this.#line)
  }

  get tags(): readonly string[] {
    return this.#lines.tags(this.#line)
  }

  get id(): string {
    return this.#lines.id(this.#line)
  }

  get time(): string {
    return this.#lines.time(this.#line)
  }

  get data(): unknown {
    if (this.#data === undefined) this.#data = this.#lines.data(this.#line)
    return this.#data
  }

  get metadata(): Metadata {
    if (this.#metadata === undefined) this.#metadata = this.#lines.metadata(this.#line)
    return this.#metadata
  }

  /** A plain object with all fields. */
  toJSON(): RecordedEvent {
    const { position, stream, version, type, schema, tags, id, time, data, metadata } = this
    return { position, stream, version, type, schema, tags, id, time, data, metadata }
  }

  [inspect.custom](): RecordedEvent {
    return this.toJSON()
  }
}
