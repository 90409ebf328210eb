import { nodeFileSystem } from '../system/file-system.ts'
import { countSteps } from './commit-steps.ts'
import { errorCode } from './durable-file.ts'
import { ObjectCorruptError, ObjectMissingError, ObjectTooLargeError } from './errors.ts'
import { type GitObject, type GitReader, type ObjectType, ReaderClosedError } from './git-reader.ts'
import { isomorphicFiles as fs } from './isomorphic-files.ts'
import { looseObjectSize } from './loose-objects.ts'
import { isObjectId, objectId } from './object.ts'
import { PackedSizes } from './packed-size.ts'
import { readAhead } from './read-ahead.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import { SmallPacks } from './small-packs.ts'

/**
 * Reads with isomorphic-git: needs no git binary, 0.4 to 1 ms an object. A large pack that is read from stays in
 * memory until `refresh()`; objects of small ones are read without it. It knows no alternates.
 */
export class IsomorphicReader implements GitReader {
  readonly engine = 'isomorphic'
  readonly #gitDirectory: string
  readonly #limitBytes: number
  /** Isomorphic-git keeps pack indexes and packs in here. */
  #cache: object = {}
  #packedSizes: PackedSizes
  readonly #packs: SmallPacks
  #isClosed = false

  /** A content over `limitBytes` is refused before it is read. */
  constructor(gitDirectory: string, limitBytes: number) {
    this.#gitDirectory = gitDirectory
    this.#packedSizes = new PackedSizes(gitDirectory, nodeFileSystem)
    this.#packs = new SmallPacks(gitDirectory, limitBytes)
    this.#limitBytes = limitBytes
  }

  async read(oid: string): Promise<GitObject> {
    // Whatever its size, there is room.
    return (await this.#read(oid, () => true)) as GitObject
  }

  async #read(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM> {
    if (this.#isClosed) throw new ReaderClosedError()
    if (!isObjectId(oid)) throw new ObjectMissingError(oid)
    const found = await this.#look(oid, hasRoom).catch((error: unknown) => {
      if (error instanceof ObjectTooLargeError) throw error
      // Another process may have merged the pack that it was in with others.
      this.refresh()
      return this.#look(oid, hasRoom)
    })
    if (this.#isClosed) throw new ReaderClosedError()
    return found
  }

  async #look(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM> {
    const { readObject } = await this.#git()
    const looseSize = await looseObjectSize(`${this.#gitDirectory}/objects`, oid)
    // Isomorphic-git would keep each of these packs in memory.
    const packed = looseSize === undefined ? await this.#packs.find(oid, hasRoom) : undefined
    if (packed !== undefined) return packed
    if (!hasRoom(await this.#checkSize(oid, looseSize))) return NO_ROOM
    const found = await this.#explained(oid, () =>
      readObject({ fs, gitdir: this.#gitDirectory, oid, format: 'content', cache: this.#cache }),
    )
    // For the format 'content' the object is its bytes, which the declared union does not say.
    const bytes = found.object as Uint8Array
    if (bytes.length > this.#limitBytes) throw new ObjectTooLargeError(oid, bytes.length, this.#limitBytes)
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const type = found.type as ObjectType
    const actual = objectId(type, content)
    if (actual !== oid) throw new ObjectCorruptError(oid, `its bytes have the SHA-1 ${actual}`)
    return { oid, type, content }
  }

  readMany(oids: readonly string[], signal?: AbortSignal): AsyncIterable<GitObject> {
    return readAhead(oids, (oid, hasRoom) => this.#read(oid, hasRoom), signal)
  }

  /** Reads the contents: isomorphic-git has no cheaper way to a size. */
  async sizes(oids: readonly string[]): Promise<number[]> {
    const sizes: number[] = []
    for await (const { content } of this.readMany(oids)) sizes.push(content.length)
    return sizes
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    await this.sizes([ancestor, descendant])
    if (ancestor === descendant) return true
    // What cannot be read on the way isomorphic-git judges.
    const steps = await countSteps(this, ancestor, descendant, FEW_STEPS).catch(() => undefined)
    if (steps !== undefined) return true
    const { isDescendent } = await this.#git()
    return this.#explained(descendant, () =>
      isDescendent({ fs, gitdir: this.#gitDirectory, oid: descendant, ancestor, cache: this.#cache }),
    )
  }

  refresh(): void {
    this.#cache = {}
    this.#packedSizes = new PackedSizes(this.#gitDirectory, nodeFileSystem)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#cache = {}
  }

  async #git(): Promise<typeof import('isomorphic-git')> {
    if (this.#isClosed) throw new ReaderClosedError()
    return import('isomorphic-git')
  }

  /** Isomorphic-git knows no limit. @returns what reading the object takes @throws ObjectTooLargeError */
  async #checkSize(oid: string, looseSize: number | undefined): Promise<number> {
    if (looseSize === undefined) return this.#packedSizes.check(oid, this.#limitBytes)
    if (looseSize > this.#limitBytes) throw new ObjectTooLargeError(oid, looseSize, this.#limitBytes)
    return looseSize
  }

  /** @throws what isomorphic-git and Node threw, as an error of ours */
  async #explained<T>(oid: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (errorCode(cause) === 'NotFoundError') throw new ObjectMissingError(oid, { cause })
      if (isSystemError(cause)) throw cause
      throw new ObjectCorruptError(oid, 'isomorphic-git cannot read it', { cause })
    }
  }
}

/** Such as EMFILE or EIO: says nothing about the object. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** As a rule one commit follows on the other. */
const FEW_STEPS = 16
