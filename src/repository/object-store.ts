import { promisify } from 'node:util'
import { constants, deflate, deflateSync, type ZlibOptions } from 'node:zlib'
import type { FileSystem } from '../system/file-system.ts'
import { createFile, errorCode, fileError, removeQuietly, temporaryPath } from './durable-file.ts'
import { looseFile } from './loose-file.ts'
import type { EncodedObject } from './object.ts'
import { encodePack } from './pack.ts'
import { createPack, removeStaleKeeps } from './pack-file.ts'
import { Slots } from './slots.ts'

/** Node's thread pool has four threads: one is left to the journal, whose appends are waited for. */
const CONCURRENCY = 3

/** Below this many bytes, deflating here and now is quicker than a trip to the thread pool: 0.06 ms against 0.17 at 8 KiB. */
const SYNCHRONOUS_BYTES = 16 * 1024

const FAST = { level: constants.Z_BEST_SPEED }
/** Few large pieces: each is a trip to the pool, and with zlib's own 16 KiB they took a sixth of the time. */
const FAST_IN_POOL = { ...FAST, chunkSize: 256 * 1024 }
const deflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(deflate)

/** A larger object is not deflated ahead: the result is kept in memory until it is written. */
const MOST_AHEAD_BYTES = 1 << 20
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
  readonly #objects: string
  readonly #fileSystem: FileSystem
  readonly #slots = new Slots(CONCURRENCY)
  /** The deflated contents of objects that were begun, by their ids. */
  readonly #begun = new Map<string, Promise<Buffer>>()
  /** Whether `objects/pack` is there, durably. */
  #hasPackFolder = false
  /** Whether what an earlier writer left there was removed. */
  #isCleared = false
  /** What stands beside the packs to which no branch leads yet. */
  readonly #keeps: string[] = []

  constructor(options: { readonly gitDirectory: string; readonly fileSystem: FileSystem }) {
    this.#objects = `${options.gitDirectory}/objects`
    this.#fileSystem = options.fileSystem
  }

  /** Begins with an object that `write` will be asked for soon: deflates it, in the thread pool. */
  begin(object: EncodedObject): void {
    const { oid, content } = object
    if (this.#begun.has(oid) || isSmall(object) || content.length > MOST_AHEAD_BYTES) return
    const deflated = this.#slots.run(() => deflateInPool(content, FAST_IN_POOL))
    // What fails is told by `write`.
    deflated.catch(() => undefined)
    this.#begun.set(oid, deflated)
  }

  /** Forgets what was begun and not written. */
  abandonBegun(): void {
    this.#begun.clear()
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
      if (isPackWorthwhile(distinct)) await this.#writePack(distinct)
      else await this.#writeLoose(distinct)
    } catch (error) {
      throw fileError(this.#objects, error)
    }
  }

  /** Says that the branch leads to all that was written, or never will: from now on anybody's collection may look at it. */
  async settle(): Promise<void> {
    for (const path of this.#keeps.splice(0)) await removeQuietly(this.#fileSystem, path)
  }

  async #writePack(objects: readonly EncodedObject[]): Promise<void> {
    const folder = `${this.#objects}/pack`
    const contents = new Map<EncodedObject, Buffer>()
    await this.#slots.forEach(objects, async (object) => {
      contents.set(object, await this.#deflated(object))
    })
    const pack = encodePack(objects.map((object) => ({ object, deflated: contents.get(object)! })))
    const hadFolder = this.#hasPackFolder
    this.#hasPackFolder = false
    if (!hadFolder) await this.#fileSystem.makeDirectory(folder)
    if (!this.#isCleared) await removeStaleKeeps(this.#fileSystem, folder)
    this.#isCleared = true
    this.#keeps.push(await createPack(this.#fileSystem, folder, pack))
    await this.#fileSystem.syncDirectory(folder)
    if (!hadFolder) await this.#fileSystem.syncDirectory(this.#objects)
    this.#hasPackFolder = true
  }

  async #writeLoose(objects: readonly EncodedObject[]): Promise<void> {
    const temporary = new Map<EncodedObject, string>()
    try {
      await this.#slots.forEach(objects, async (object) => {
        const file = isSmall(object)
          ? deflateSync(object.framed, FAST)
          : looseFile({ object, deflated: await this.#deflated(object) })
        const path = temporaryPath(this.#objects)
        await createFile(this.#fileSystem, path, file, 0o444)
        temporary.set(object, path)
      })
      await this.#slots.forEach(objects, async (object) => {
        await this.#rename(temporary.get(object)!, object.oid)
        temporary.delete(object)
      })
      const fanOut = new Set(objects.map(({ oid }) => `${this.#objects}/${oid.slice(0, 2)}`))
      // `objects/` too: a fan-out directory may be new, or made by a git that did not sync it.
      await this.#slots.forEach([...fanOut, this.#objects], (path) => this.#fileSystem.syncDirectory(path))
    } catch (error) {
      for (const path of temporary.values()) await removeQuietly(this.#fileSystem, path)
      throw error
    }
  }

  /** The content alone, deflated: in a slot, where what was begun has had one before. */
  async #deflated(object: EncodedObject): Promise<Buffer> {
    if (isSmall(object)) return deflateSync(object.content, FAST)
    const begun = this.#begun.get(object.oid)
    this.#begun.delete(object.oid)
    return begun ?? deflateInPool(object.content, FAST_IN_POOL)
  }

  async #rename(from: string, oid: string): Promise<void> {
    const directory = `${this.#objects}/${oid.slice(0, 2)}`
    const to = `${directory}/${oid.slice(2)}`
    // git removes a fan-out directory that gets empty, perhaps just after we made it.
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#fileSystem.rename(from, to)
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || attempt === 5) throw error
        await this.#fileSystem.makeDirectory(directory)
      }
    }
  }
}

function isSmall({ framed }: EncodedObject): boolean {
  return framed.length < SYNCHRONOUS_BYTES
}

function isPackWorthwhile(objects: readonly EncodedObject[]): boolean {
  const commits = objects.filter(({ type }) => type === 'commit').length
  const bytes = objects.reduce((sum, { content }) => sum + content.length, 0)
  return commits >= COMMITS_OF_A_PACK && bytes <= MOST_PACK_BYTES
}
