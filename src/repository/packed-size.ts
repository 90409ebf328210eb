import type { File, FileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import { ObjectCorruptError, ObjectTooLargeError } from './errors.ts'
import { inflateStart } from './inflation.ts'
import { readDeltaHead } from './pack-delta.ts'
import { isDelta, readDeltaBase, readEntryHeader } from './pack-entry.ts'
import { offsetOf } from './pack-index.ts'

/**
 * How large packed objects are, before their contents are read: an object of a gigabyte of zeros takes a
 * megabyte in a pack. Delta chains are followed to their base, so that what it takes to build a small object
 * from a huge one is known too. Keeps the indexes it has read, while they are there.
 */
export class PackedSizes {
  private readonly indexes = new Map<string, Buffer>()

  constructor(
    private readonly gitDirectory: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /**
   * Looks whether an object can be built without holding more than a limit.
   *
   * @returns what it takes to build it; 0 for one that is in no pack
   * @throws ObjectTooLargeError
   * @throws ObjectCorruptError where a pack or its index is damaged
   */
  async check(oid: string, limitBytes: number): Promise<number> {
    try {
      return await this.checkPacks(oid, limitBytes)
    } catch (error) {
      // A pack that was merged into another one meanwhile: whoever reads the object finds it there.
      if (errorCode(error) === 'ENOENT') return 0
      if (!isDamage(error)) throw error
      throw new ObjectCorruptError(oid, 'its pack, or the index of it, is damaged', { cause: error })
    }
  }

  private async checkPacks(oid: string, limitBytes: number): Promise<number> {
    let largest = 0
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
        const size = await largestInChain(pack, index, offset)
        if (size > limitBytes) throw new ObjectTooLargeError(oid, size, limitBytes)
        largest = Math.max(largest, size)
      } finally {
        await pack.close()
      }
    }
    return largest
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

async function largestInChain(pack: File, index: Buffer, start: number): Promise<number> {
  let largest = 0
  let offset = start
  for (let length = 0; length < LONGEST_CHAIN; length++) {
    const head = Buffer.alloc(HEAD_BYTES)
    await pack.read(head, 0, HEAD_BYTES, offset)
    const header = readEntryHeader(head)
    largest = Math.max(largest, header.size)
    if (!isDelta(header.type)) return largest
    const base = readDeltaBase(head, header, offset, index)
    const { baseBytes, bytes } = readDeltaHead(inflateStart(head.subarray(base.end)))
    largest = Math.max(largest, baseBytes, bytes)
    if (base.offset === undefined) return largest
    offset = base.offset
  }
  return largest
}

/** Enough for two numbers, an id, and the beginning of a delta, behind the codes that it is deflated with. */
const HEAD_BYTES = 1024
