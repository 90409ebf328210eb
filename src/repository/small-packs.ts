import { type File, nodeFileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import type { GitObject } from './git-reader.ts'
import { objectId } from './object.ts'
import { isPackIndex, offsetOf } from './pack-index.ts'
import { PackReader } from './pack-reader.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import { Shortcut } from './shortcut.ts'

/**
 * Reads objects from packs with few of them, such as those that seals leave and clones of logs with large batches have,
 * as `LooseObjects` reads loose ones: in the thread pool, several at a time, without a git process.
 *
 * It is a shortcut: whatever is unusual about a pack or an object, it is as if it were not there, and git is asked. So
 * it is for large deltas, and for all once they were many: git keeps what they are based on, and looks at each part of a
 * chain once.
 */
export class SmallPacks {
  readonly #directory: string
  readonly #limitBytes: number
  readonly #mostDeltas: number
  /** By the names of indexes that were seen: undefined for those of large packs, and for what is none. */
  #indexes = new Map<string, Buffer | undefined>()
  readonly #open = new Map<string, SharedPack>()
  #listing: Promise<void> | undefined
  #deltas = 0
  /** Not taken where git has to be asked for one object after the other. */
  readonly #shortcut = new Shortcut()

  /** `mostDeltas` is after how many deltas it leaves them to others. */
  constructor(gitDirectory: string, limitBytes: number, mostDeltas = Number.POSITIVE_INFINITY) {
    this.#directory = `${gitDirectory}/objects/pack`
    this.#limitBytes = limitBytes
    this.#mostDeltas = mostDeltas
  }

  /** The object, if it is there, sound, and not too large. */
  find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    return this.#shortcut.take(() => this.#find(oid, hasRoom))
  }

  async #find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM> {
    let place = this.#lookUp(oid)
    if (place === undefined) {
      this.#listing ??= this.#list().finally(() => {
        this.#listing = undefined
      })
      await this.#listing
      place = this.#lookUp(oid)
    }
    return place && this.#read(oid, place, hasRoom)
  }

  #lookUp(oid: string): Place | undefined {
    for (const [name, index] of this.#indexes) {
      const offset = index === undefined ? undefined : offsetOf(index, oid)
      if (index !== undefined && offset !== undefined) return { name, index, offset }
    }
    return undefined
  }

  /** Takes in which packs came and went: the listing of a folder, where none did. */
  async #list(): Promise<void> {
    const found = (await nodeFileSystem.list(this.#directory)).filter((name) => name.endsWith('.idx'))
    // So many are of a log without maintenance, or of somebody who wants them in memory: for git.
    const names = found.length > MOST_PACKS ? [] : found
    const read = async (name: string) =>
      [name, await this.#readIndex(`${this.#directory}/${name}`).catch(() => undefined)] as const
    const known = this.#indexes
    this.#indexes = new Map(
      await Promise.all(
        names.map((name) => (known.has(name) ? ([name, known.get(name)] as const) : read(name))),
      ),
    )
  }

  async #readIndex(path: string): Promise<Buffer | undefined> {
    const { kind, size } = await nodeFileSystem.stat(path)
    const pack = await nodeFileSystem.stat(path.replace(/idx$/, 'pack'))
    // Opening what is no file, such as a named pipe, may never end.
    if (kind !== 'file' || pack.kind !== 'file' || size > MOST_INDEX_BYTES) return undefined
    const bytes = await nodeFileSystem.readFile(path)
    return isPackIndex(bytes) ? bytes : undefined
  }

  async #read(oid: string, { name, index, offset }: Place, hasRoom: HasRoom) {
    const pack = this.#share(name)
    try {
      const reader = new PackReader(await pack.file, index, this.#limitBytes)
      const object = await reader.read(offset, hasRoom, this.#deltas < this.#mostDeltas ? LONGEST_CHAIN : 0)
      this.#deltas += reader.deltas
      if (object === undefined || object === NO_ROOM) return object
      return objectId(object.type, object.content) === oid ? { oid, ...object } : undefined
    } finally {
      await this.#leave(name, pack)
    }
  }

  /** A pack is open as long as somebody reads from it: of a log that is replayed, once. */
  #share(name: string): SharedPack {
    const pack = this.#open.get(name) ?? { file: this.#openPack(name), readers: 0 }
    pack.readers++
    this.#open.set(name, pack)
    return pack
  }

  async #leave(name: string, pack: SharedPack): Promise<void> {
    if (--pack.readers > 0) return
    this.#open.delete(name)
    const file = await pack.file.catch(() => undefined)
    await file?.close()
  }

  /** One that was merged is forgotten, so that the next look is for where its objects are now. */
  async #openPack(name: string): Promise<File> {
    try {
      return await nodeFileSystem.open(`${this.#directory}/${name.replace(/idx$/, 'pack')}`, 'r')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') this.#indexes.delete(name)
      throw error
    }
  }
}

interface SharedPack {
  readonly file: Promise<File>
  readers: number
}

interface Place {
  readonly name: string
  readonly index: Buffer
  readonly offset: number
}

/** Of 28 bytes for each object: 2,300, which a million events in large batches have. */
const MOST_INDEX_BYTES = 64 << 10
const MOST_PACKS = 128
/** A delta that is further from a whole object is for git. */
const LONGEST_CHAIN = 4
