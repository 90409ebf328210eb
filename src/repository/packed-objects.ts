import type { File, FileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import { ObjectCorruptError, ObjectTooLargeError } from './errors.ts'
import type { GitObject } from './git-reader.ts'
import { inflateAnnounced, inflateStart, mostDeflated } from './inflation.ts'
import { applyDelta, readDeltaHead } from './pack-delta.ts'
import { isDelta, readDeltaBase, readEntryHeader, typeOf } from './pack-entry.ts'
import { offsetOf } from './pack-index.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/** What was stored for an object. Its id was not looked at. */
type PackedObject = Omit<GitObject, 'oid'>

/**
 * Reads any object from any pack, which may be large, and its chain of deltas long. Nothing is trusted: how large an object is,
 * and all it takes to build it, is known before its content is read (an object of a gigabyte of zeros takes a megabyte in a
 * pack), and no more than that is inflated. Keeps the indexes it has read, while they are there.
 */
export class PackedObjects {
  private readonly indexes = new Map<string, Buffer>()

  constructor(
    private readonly gitDirectory: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /**
   * Reads an object that can be built without holding one of more than a limit.
   *
   * @returns undefined for one that is in no pack
   * @throws ObjectTooLargeError
   * @throws ObjectCorruptError where a pack or its index is damaged
   */
  async read(
    oid: string,
    limitBytes: number,
    hasRoom: HasRoom,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    try {
      return await this.find(oid, limitBytes, hasRoom)
    } catch (error) {
      // A pack that was merged into another one meanwhile: whoever looks again finds it there.
      if (errorCode(error) === 'ENOENT') return undefined
      if (!isDamage(error)) throw error
      throw new ObjectCorruptError(oid, 'its pack, or the index of it, is damaged', { cause: error })
    }
  }

  private async find(
    oid: string,
    limitBytes: number,
    hasRoom: HasRoom,
  ): Promise<PackedObject | typeof NO_ROOM | undefined> {
    const directory = `${this.gitDirectory}/objects/pack`
    const names = (await this.fileSystem.list(directory)).filter((name) => name.endsWith('.idx'))
    this.forgetOthers(names)
    for (const name of names) {
      const index = this.indexes.get(name) ?? (await this.fileSystem.readFile(`${directory}/${name}`))
      this.indexes.set(name, index)
      const offset = offsetOf(index, oid)
      if (offset === undefined) continue
      const pack = await this.fileSystem.open(`${directory}/${name.slice(0, -'.idx'.length)}.pack`, 'r')
      try {
        const chain = await readChain(pack, index, offset)
        const largest = Math.max(...chain.map(({ takes }) => takes))
        if (largest > limitBytes) throw new ObjectTooLargeError(oid, largest, limitBytes)
        // Deflated, too; and of a delta what it is made from, and what it makes.
        if (!hasRoom((chain.length === 1 ? 2 : 4) * largest)) return NO_ROOM
        return await build(pack, chain)
      } finally {
        await pack.close()
      }
    }
    return undefined
  }

  /** Those of packs that were merged into others would gather in memory. */
  private forgetOthers(names: readonly string[]): void {
    const there = new Set(names)
    for (const name of this.indexes.keys()) if (!there.has(name)) this.indexes.delete(name)
  }
}

/** What reading past an end, what is no file, such as a pipe, and inflating what was not deflated throw. */
function isDamage(error: unknown): boolean {
  return error instanceof RangeError || /^(Z_.*|EINVAL|EISDIR|ESPIPE)$/.test(errorCode(error) ?? '')
}

/** Longer than any that git makes. */
const LONGEST_CHAIN = 4096

/** One entry of a pack. */
interface Link {
  readonly type: number
  /** Where its deflated bytes begin, and how many they are once inflated. */
  readonly offset: number
  readonly bytes: number
  /** The largest thing that is in memory because of it. */
  readonly takes: number
}

/** An object's entry, what that is based on, and so on to one that is stored whole. */
async function readChain(pack: File, index: Buffer, start: number): Promise<Link[]> {
  const chain: Link[] = []
  const seen = new Set<number>()
  for (let at = start; chain.length < LONGEST_CHAIN && !seen.has(at); ) {
    seen.add(at)
    const head = Buffer.alloc(HEAD_BYTES)
    await pack.read(head, 0, HEAD_BYTES, at)
    const { type, size: bytes, end } = readEntryHeader(head)
    if (!isDelta(type)) return [...chain, { type, offset: at + end, bytes, takes: bytes }]
    const base = readDeltaBase(head, { type, end }, at, index)
    if (base.offset === undefined) throw new RangeError('the base of a delta is not in its pack')
    const delta = readDeltaHead(inflateStart(head.subarray(base.end)))
    const takes = Math.max(bytes, delta.baseBytes, delta.bytes)
    chain.push({ type, offset: at + base.end, bytes, takes })
    at = base.offset
  }
  throw new RangeError('deltas are based on each other without an end')
}

/** Builds an object from its base on. */
async function build(pack: File, chain: readonly Link[]): Promise<PackedObject> {
  const [base, ...deltas] = chain.toReversed()
  const type = typeOf(base!.type)
  if (type === undefined) throw new RangeError(`an object in a pack is of the unknown type ${base!.type}`)
  let content = await inflateLink(pack, base!)
  for (const link of deltas) {
    const made = applyDelta(content, await inflateLink(pack, link))
    if (made === undefined) throw new RangeError('a delta does not fit its base')
    content = made
  }
  return { type, content }
}

async function inflateLink(pack: File, { offset, bytes }: Link): Promise<Buffer> {
  const most = Math.min(mostDeflated(bytes), Math.max(0, (await pack.size()) - offset))
  const deflated = Buffer.allocUnsafe(most)
  const count = await pack.read(deflated, 0, most, offset)
  const inflated = await inflateAnnounced(deflated.subarray(0, count), bytes)
  if (inflated.length < bytes) throw new RangeError('an object in a pack is shorter than it says')
  return inflated
}

/** Enough for two numbers, an id, and the beginning of a delta, behind the codes that it is deflated with. */
const HEAD_BYTES = 1024
