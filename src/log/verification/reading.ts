import { setImmediate as nextTurn } from 'node:timers/promises'
import { ObjectCorruptError } from '../../repository/errors.ts'
import type { GitObject, GitReader, ObjectType } from '../../repository/git-reader.ts'
import type { Findings } from './findings.ts'

/** What an object takes in the cache beside its content, in bytes: roughly. */
const ENTRY_BYTES = 512

/** A tree that lists 5,000 files. */
const MOST_WARM_BYTES = 256 << 10

interface CacheEntry {
  readonly object: Promise<GitObject>
  bytes: number
}

/**
 * Reads objects once, as long as those read last fit into so many bytes. Asking for an object that will be
 * needed soon makes a later `read` quick: the reader has many questions under way at once.
 */
export class ObjectCache {
  private readonly entries = new Map<string, CacheEntry>()
  private bytes = 0

  constructor(
    private readonly reader: GitReader,
    private readonly capacity = 64 << 20,
  ) {}

  /** @throws ObjectMissingError, ObjectCorruptError (also for another type), ObjectTooLargeError */
  async read(oid: string, type: ObjectType): Promise<Buffer> {
    const object = await this.get(oid)
    if (object.type !== type) throw new ObjectCorruptError(oid, `it is a ${object.type}, not a ${type}`)
    return object.content
  }

  /**
   * Starts reading, but not what is so large that many of it would not fit into memory; what goes wrong is told
   * by `read`.
   */
  warm(oid: string): void {
    if (!this.entries.has(oid)) this.readSmall(oid).catch(() => undefined)
  }

  /** An object that will be needed soon; undefined where it is so large that many of it would not fit into memory. */
  async readSmall(oid: string): Promise<Buffer | undefined> {
    if (!this.entries.has(oid)) {
      const [size = 0] = await this.reader.sizes([oid])
      if (size > MOST_WARM_BYTES) return undefined
    }
    return (await this.get(oid)).content
  }

  /** An object of any type. @throws ObjectMissingError, ObjectCorruptError, ObjectTooLargeError */
  get(oid: string): Promise<GitObject> {
    const known = this.entries.get(oid)
    if (known !== undefined) {
      // A Map keeps the order of insertion: what was used last goes to the end.
      this.entries.delete(oid)
      this.entries.set(oid, known)
      return known.object
    }
    const entry: CacheEntry = { object: this.reader.read(oid), bytes: 0 }
    this.entries.set(oid, entry)
    entry.object.then(
      ({ content }) => this.settle(oid, entry, content.length + ENTRY_BYTES),
      () => this.entries.delete(oid),
    )
    return entry.object
  }

  private settle(oid: string, entry: CacheEntry, bytes: number): void {
    if (this.entries.get(oid) !== entry) return
    entry.bytes = bytes
    this.bytes += bytes
    for (const [oldest, old] of this.entries) {
      if (this.bytes <= this.capacity) break
      this.entries.delete(oldest)
      this.bytes -= old.bytes
    }
  }
}

/** How much may be held ahead, and what an item takes of that. */
export interface AheadBound<Item> {
  readonly most: number
  readonly weigh: (item: Item) => number
}

/** Starts a task for items some way ahead of the one that is given out, as far as a bound allows. */
export async function* ahead<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  start: (item: Item) => unknown,
  distance: number,
  { most, weigh }: AheadBound<Item> = { most: 0, weigh: () => 0 },
): AsyncGenerator<Item> {
  const started: Item[] = []
  let weight = 0
  for await (const item of items) {
    start(item)
    started.push(item)
    weight += weigh(item)
    while (started.length > distance || weight > most) {
      const next = started.shift()!
      weight -= weigh(next)
      yield next
    }
  }
  yield* started
}

/** For how long nothing else in the process gets its turn, in milliseconds. */
const TURN_MS = 10

/** Gives other work its turn now and then, and ends long work when its signal says so. */
export class Turns {
  private since = performance.now()

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** To be called often. @throws the signal's reason */
  async take(): Promise<void> {
    this.signal?.throwIfAborted()
    if (performance.now() - this.since < TURN_MS) return
    await nextTurn()
    this.since = performance.now()
  }
}

/** What the parts of a verification share. */
export interface VerificationContext {
  readonly objects: ObjectCache
  readonly findings: Findings
  readonly turns: Turns
}
