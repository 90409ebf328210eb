import { type Query, type QueryItem, queryItems } from '../event/condition.ts'
import { hashId } from '../event/id-hash.ts'
import { STREAM, STREAM_END, STREAM_HASH, TYPE, TYPE_END, TYPE_HASH } from '../event/line-scanner.ts'
import type { Lines } from '../event/lines.ts'
import { newHashKey } from '../event/name-hash.ts'
import { formatTime } from '../event/time.ts'
import { Column } from './column.ts'
import { IdTable } from './id-table.ts'
import { Names, ofItsOwn } from './names.ts'
import { StreamChains } from './stream-chains.ts'
import { TagIndex } from './tag-index.ts'

/** A line that does not follow from the events before it. */
export interface Misfit {
  /** Counted from 0. */
  readonly line: number
  readonly problem: string
  readonly expected: string
}

/** The last position whose index entries fit the four bytes a position takes. */
export const LAST_POSITION = 0xffff_ffff

/**
 * Knows of every event its stream, type, time, tags and the hash of its id: what conditions, filters and
 * look-ups need, in about 40 bytes an event. The events themselves stay in the repository.
 */
export class LogIndex {
  readonly streams = new Names()
  readonly types = new Names()
  readonly tags = new TagIndex()
  readonly chains = new StreamChains()

  // One entry an event; the event at position p stands at p - 1.
  private readonly streamOf = Column.uint32()
  private readonly typeOf = Column.uint32()
  private readonly times = Column.float64()
  private readonly idHashes = Column.uint32()
  readonly ids = new IdTable(this.idHashes)
  // One entry a type: its last position, or one that is not before it, where events were forgotten.
  private readonly lastOfType = Column.uint32()
  /** The first position of the types that came since the index was made, or read from a snapshot. */
  private readonly firstOfType = new Map<number, number>()

  /** Its parts, in a fixed order, for a snapshot. */
  readonly columns: readonly Column<Uint32Array | Float64Array>[] = [
    this.times,
    this.streamOf,
    this.typeOf,
    this.idHashes,
    this.lastOfType,
    ...this.chains.columns,
    ...this.tags.columns,
  ]
  /** Those whose numbers change; the others only get longer, but for events that are refused again. */
  readonly changing: ReadonlySet<Column<Uint32Array | Float64Array>> = new Set([
    this.lastOfType,
    this.chains.heads,
    this.chains.versions,
    this.tags.heads,
  ])
  /** Those that adding an event looks into at any place: they are in memory, so that it cannot fail half way. */
  readonly neededToAdd: ReadonlySet<Column<Uint32Array | Float64Array>> = new Set([
    ...this.changing,
    this.chains.jumps,
  ])

  /** How often events were forgotten: other ones may have their positions now. */
  truncations = 0

  /** @param idKey of the hashes of ids; a snapshot keeps it beside them */
  constructor(readonly idKey = newHashKey()) {}

  /** The position of the last event, 0 in an empty log. */
  get count(): number {
    return this.streamOf.length
  }

  /** Bytes of its columns and table; names come on top. */
  get bytes(): number {
    return this.columns.reduce((sum, column) => sum + column.bytes, this.ids.bytes)
  }

  /** The version of a stream: how many events it has, 0 when there is none. */
  version(stream: string): number {
    const number = this.streams.find(stream)
    return number === undefined ? 0 : this.chains.version(number)
  }

  streamNumber(position: number): number {
    return this.streamOf.get(position - 1)
  }

  streamName(position: number): string {
    return this.streams.name(this.streamNumber(position))
  }

  typeName(position: number): string {
    return this.types.name(this.typeNumber(position))
  }

  typeNumber(position: number): number {
    return this.typeOf.get(position - 1)
  }

  /** When an event was recorded, in milliseconds since 1970. */
  time(position: number): number {
    return this.times.get(position - 1)
  }

  /** The time of the last event, or -Infinity in an empty log. */
  get lastTime(): number {
    return this.count === 0 ? Number.NEGATIVE_INFINITY : this.time(this.count)
  }

  /** Adds the next event and returns its version. */
  add(stream: string, type: string, tags: readonly string[], timeMs: number, idHash: number): number {
    const version = this.addEvent(
      this.streams.find(stream) ?? this.addStream(ofItsOwn(stream)),
      this.types.find(type) ?? this.addType(ofItsOwn(type)),
      timeMs,
      idHash,
    )
    for (const tag of tags) this.tags.add(tag, this.count)
    return version
  }

  /**
   * Adds the events of a batch.
   *
   * @returns the first line that does not follow, or undefined when all do; the lines before it were added
   */
  addLines(lines: Lines): Misfit | undefined {
    for (let line = 0; line < lines.count; line++) {
      if (!this.addLine(lines, line)) return this.misfit(lines, line)
    }
    return undefined
  }

  private addLine(lines: Lines, line: number): boolean {
    const known = this.findStream(lines, line)
    const timeMs = lines.timeMs(line)
    const version = known === undefined ? 1 : this.chains.version(known) + 1
    if (lines.version(line) !== version || !(timeMs >= this.lastTime)) return false
    this.addEvent(
      known ?? this.addStream(lines.stream(line)),
      this.findType(lines, line) ?? this.addType(lines.type(line)),
      timeMs,
      lines.idHash(line, this.idKey),
    )
    if (lines.hasTags(line)) for (const tag of lines.tags(line)) this.tags.add(tag, this.count)
    return true
  }

  /** Forgets every event after a position. */
  truncate(position: number): void {
    if (this.count > position) this.truncations++
    for (let last = this.count; last > position; last--) {
      this.chains.removeLast(this.streamNumber(last))
      for (const column of [this.streamOf, this.typeOf, this.times, this.idHashes]) column.truncate(last - 1)
    }
    while (this.streams.count > 0 && this.chains.version(this.streams.count - 1) === 0) {
      this.streams.removeLast()
      this.chains.removeLastStream()
    }
    this.ids.truncate(position)
    this.tags.truncate(position)
    this.truncateTypes(position)
  }

  /** Positions whose event may have this id: nearly always one or none; the event has to be looked at. */
  findId(id: string): number[] {
    return [...this.ids.find(this.idHash(id))]
  }

  /** What `add` takes of an id. */
  idHash(id: string): number {
    return hashId(id, this.idKey)
  }

  /** The last position whose event was recorded at or before a time. */
  positionAt(timeMs: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.time(middle) <= timeMs) low = middle
      else high = middle - 1
    }
    return low
  }

  /**
   * The position of some event after a position that a query selects, or undefined. Costs as many steps
   * as the most telling part of the query has events after that position: tags, then streams; a query of
   * types alone is answered at once, but for the first after events were forgotten that had one of its types.
   */
  findMatch(query: Query, after: number): number | undefined {
    for (const item of queryItems(query)) {
      for (const position of this.candidates(item, after)) if (this.matches(item, position)) return position
    }
    return undefined
  }

  private *candidates({ types, tags, streams }: QueryItem, after: number): Generator<number> {
    if (tags !== undefined && tags.length > 0) yield* this.tags.after(tags[0]!, after)
    else if (streams !== undefined) {
      for (const stream of streams) {
        const number = this.streams.find(stream)
        if (number !== undefined) yield* this.chains.after(number, after)
      }
    } else if (types !== undefined) {
      for (const type of types) {
        const number = this.types.find(type)
        const last = number === undefined ? 0 : this.findLastOfType(number, after)
        if (last > after) yield last
      }
    } else if (this.count > after) yield this.count
  }

  private matches({ types, tags, streams }: QueryItem, position: number): boolean {
    return (
      (types === undefined || types.includes(this.typeName(position))) &&
      (streams === undefined || streams.includes(this.streamName(position))) &&
      (tags === undefined || tags.every((tag) => this.tags.has(position, tag)))
    )
  }

  private findStream(lines: Lines, line: number): number | undefined {
    const [from, to] = [lines.at(line, STREAM), lines.at(line, STREAM_END)]
    const number = this.streams.findStored(lines.at(line, STREAM_HASH), lines.bytes, from, to)
    return number ?? this.streams.find(lines.stream(line))
  }

  private findType(lines: Lines, line: number): number | undefined {
    const [from, to] = [lines.at(line, TYPE), lines.at(line, TYPE_END)]
    const number = this.types.findStored(lines.at(line, TYPE_HASH), lines.bytes, from, to)
    return number ?? this.types.find(lines.type(line))
  }

  private addEvent(stream: number, type: number, timeMs: number, idHash: number): number {
    this.streamOf.push(stream)
    this.typeOf.push(type)
    this.times.push(timeMs)
    this.idHashes.push(idHash)
    this.lastOfType.set(type, this.count)
    return this.chains.add(stream)
  }

  private addStream(stream: string): number {
    this.chains.addStream()
    return this.streams.add(stream)
  }

  private addType(type: string): number {
    this.lastOfType.push(0)
    this.firstOfType.set(this.types.count, this.count + 1)
    return this.types.add(type)
  }

  private misfit(lines: Lines, line: number): Misfit {
    const version = this.version(lines.stream(line)) + 1
    if (lines.version(line) !== version) {
      const problem = `stream ${JSON.stringify(lines.stream(line))} has version ${lines.version(line)}`
      return { line, problem, expected: `version ${version}` }
    }
    const problem = `has the time ${lines.time(line)}`
    if (Number.isNaN(lines.timeMs(line))) {
      return { line, problem, expected: 'a time such as 2026-11-23T05:21:48.123Z' }
    }
    const expected = `${formatTime(this.lastTime)} or later, the time of the event before it`
    return { line, problem, expected }
  }

  /** The last position of a type, or one that is not after the position given: further back nobody asks. */
  private findLastOfType(type: number, after: number): number {
    let last = this.lastOfType.get(type)
    while (last > after && this.typeNumber(last) !== type) last--
    this.lastOfType.set(type, last)
    return last
  }

  /** Looks at no event: whoever asks for a type finds out where its last one is. A refused append costs no more. */
  private truncateTypes(position: number): void {
    for (let type = this.types.count - 1; (this.firstOfType.get(type) ?? 0) > position; type--) {
      this.types.removeLast()
      this.lastOfType.truncate(type)
      this.firstOfType.delete(type)
    }
    for (let type = 0; type < this.types.count; type++) {
      if (this.lastOfType.get(type) > position) this.lastOfType.set(type, position)
    }
  }
}
