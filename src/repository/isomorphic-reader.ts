import { nodeFileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import { ObjectCorruptError, ObjectMissingError, ObjectTooLargeError } from './errors.ts'
import { type GitObject, type GitReader, ReaderClosedError } from './git-reader.ts'
import { looseObjectSize, readLoose } from './loose-objects.ts'
import { encodeTree, isObjectId, objectId, parseCommit } from './object.ts'
import { PackedObjects } from './packed-objects.ts'
import { readAhead } from './read-ahead.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import { readShallow } from './shallow.ts'
import { SmallPacks } from './small-packs.ts'

/** Reads the files of a repository itself: needs no git binary. It knows no alternates. */
export class IsomorphicReader implements GitReader {
  readonly engine = 'isomorphic'
  readonly #gitDirectory: string
  readonly #limitBytes: number
  #packed: PackedObjects
  readonly #packs: SmallPacks
  #isClosed = false

  /** A content over `limitBytes` is refused before it is read. */
  constructor(gitDirectory: string, limitBytes: number) {
    this.#gitDirectory = gitDirectory
    this.#packed = new PackedObjects(gitDirectory, nodeFileSystem)
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
    const found =
      (await this.#readLoose(oid, hasRoom)) ??
      (await this.#packs.find(oid, hasRoom)) ??
      (await this.#readPacked(oid, hasRoom))
    if (found !== undefined) return found
    // Git never writes it.
    if (oid === EMPTY_TREE.oid) return EMPTY_TREE
    throw new ObjectMissingError(oid)
  }

  /** Undefined where there is none. */
  async #readLoose(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM | undefined> {
    const objects = `${this.#gitDirectory}/objects`
    const size = await looseObjectSize(objects, oid)
    if (size !== undefined && size > this.#limitBytes)
      throw new ObjectTooLargeError(oid, size, this.#limitBytes)
    let cause: unknown
    try {
      const found = await readLoose(objects, oid, this.#limitBytes, hasRoom)
      if (found !== undefined) return found
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      if (isSystemError(error)) throw error
      cause = error
    }
    throw new ObjectCorruptError(oid, 'its file does not hold it', { cause })
  }

  async #readPacked(oid: string, hasRoom: HasRoom): Promise<GitObject | typeof NO_ROOM | undefined> {
    const found = await this.#packed.read(oid, this.#limitBytes, hasRoom)
    if (found === undefined || found === NO_ROOM) return found
    const actual = objectId(found.type, found.content)
    if (actual !== oid) throw new ObjectCorruptError(oid, `its bytes have the SHA-1 ${actual}`)
    return { oid, ...found }
  }

  readMany(oids: readonly string[], signal?: AbortSignal): AsyncIterable<GitObject> {
    return readAhead(oids, (oid, hasRoom) => this.#read(oid, hasRoom), signal)
  }

  /** Reads the contents, whose ids are looked at with them. */
  async sizes(oids: readonly string[]): Promise<number[]> {
    const sizes: number[] = []
    for await (const { content } of this.readMany(oids)) sizes.push(content.length)
    return sizes
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    await this.sizes([ancestor, descendant])
    const shallow = await readShallow(this.#gitDirectory, nodeFileSystem).catch((cause: unknown) => {
      if (isSystemError(cause)) throw cause
      throw new ObjectCorruptError(descendant, 'nobody can read where its history is cut off', { cause })
    })
    const found = new Set([descendant])
    // What is added meanwhile comes, too.
    for (const commit of found) {
      if (commit === ancestor) return true
      if (shallow.has(commit)) continue
      const { type, content } = await this.read(commit)
      if (type !== 'commit') throw new ObjectCorruptError(commit, `it is a ${type}, not a commit`)
      for (const parent of parseCommit(content).parents) found.add(parent)
    }
    return false
  }

  refresh(): void {
    this.#packed = new PackedObjects(this.#gitDirectory, nodeFileSystem)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
  }
}

/** Such as EMFILE or EIO: says nothing about the object. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

const EMPTY_TREE: GitObject = encodeTree([])
