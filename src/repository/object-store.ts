import type { FileSystem } from '../system/file-system.ts'
import { fileError } from './durable-file.ts'
import { LooseWriter } from './loose-writer.ts'
import type { EncodedObject } from './object.ts'
import { ObjectDeflater } from './object-deflater.ts'
import { PackWriter } from './pack-writer.ts'
import { Slots } from './slots.ts'

/** Node's thread pool has four threads: one is left to the journal, whose appends are waited for. */
const CONCURRENCY = 3

/**
 * So many commits at once make a pack: they only come together under a backlog, and two batches that follow on each
 * other have more than 1 MiB. With 2 there were more packs, and nothing was gained: see docs/decisions/0012.
 */
const COMMITS_OF_A_PACK = 3
/** What a pack is made of has to be in memory together. */
const MOST_PACK_BYTES = 16 << 20

/**
 * Writes objects so that they survive a power cut: as loose files, as git writes them, or those of several commits as
 * one pack, which is two files for all of them and not five for each.
 */
export class ObjectStore {
  readonly #directory: string
  readonly #deflater: ObjectDeflater
  readonly #loose: LooseWriter
  readonly #packs: PackWriter

  constructor({
    gitDirectory,
    fileSystem,
  }: { readonly gitDirectory: string; readonly fileSystem: FileSystem }) {
    const directory = `${gitDirectory}/objects`
    const slots = new Slots(CONCURRENCY)
    const deflater = new ObjectDeflater(slots)
    this.#directory = directory
    this.#deflater = deflater
    this.#loose = new LooseWriter({ directory, fileSystem, slots, deflater })
    this.#packs = new PackWriter({ directory, fileSystem, deflater })
  }

  /** Begins with an object that `write` will be asked for soon: deflates it, in the thread pool. */
  begin(object: EncodedObject): void {
    this.#deflater.begin(object)
  }

  /** Forgets what was begun and not written. */
  abandonBegun(): void {
    this.#deflater.abandonBegun()
  }

  /**
   * Durable when it resolves. Loose, that costs two syncs an object, three at a time: 5 objects take about 3 ms. A pack
   * costs four in all.
   *
   * An object that is there already is written again: whoever wrote it may have died before its sync (git
   * syncs no loose object by default), so a file that exists proves nothing, and a rename over it is always
   * right.
   *
   * @throws DiskFullError, PermissionDeniedError, FileFailedError; the objects that were not finished are removed
   */
  async write(objects: readonly EncodedObject[]): Promise<void> {
    const distinct = [...new Map(objects.map((object) => [object.oid, object])).values()]
    try {
      if (isPackWorthwhile(distinct)) await this.#packs.write(distinct)
      else await this.#loose.write(distinct)
    } catch (error) {
      throw fileError(this.#directory, error)
    }
  }

  /** Says that the branch leads to all that was written, or never will: from now on anybody's collection may look at it. */
  settle(): Promise<void> {
    return this.#packs.settle()
  }
}

function isPackWorthwhile(objects: readonly EncodedObject[]): boolean {
  const commits = objects.filter(({ type }) => type === 'commit').length
  const bytes = objects.reduce((sum, { content }) => sum + content.length, 0)
  return commits >= COMMITS_OF_A_PACK && bytes <= MOST_PACK_BYTES
}
