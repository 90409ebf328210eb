import { createHash } from 'node:crypto'
import { nodeFileSystem } from '../system/file-system.ts'
import type { GitObject, ObjectType } from './git-reader.ts'
import { inflateAnnounced, inflateStart, mostDeflated } from './inflation.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import { Shortcut } from './shortcut.ts'

/**
 * Reads objects that stand in files of their own, which are those that were written last: inflated in Node's
 * thread pool, several at a time, without a git process. A MiB costs the main thread 0.7 ms, its SHA-1.
 *
 * It is a shortcut: whatever is unusual about an object, it is as if it were not there, and git is asked.
 */
export class LooseObjects {
  readonly #directory: string
  readonly #limitBytes: number
  /** Not taken in a repository that was packed. */
  readonly #shortcut = new Shortcut()

  constructor(gitDirectory: string, limitBytes: number) {
    this.#directory = `${gitDirectory}/objects`
    this.#limitBytes = limitBytes
  }

  /** The object, if it is there, whole, and not too large. */
  find(oid: string): Promise<GitObject | undefined>
  find(oid: string, hasRoom: HasRoom): Promise<GitObject | undefined | typeof NO_ROOM>
  find(oid: string, hasRoom: HasRoom = () => true): Promise<GitObject | undefined | typeof NO_ROOM> {
    return this.#shortcut.take(() => readLoose(this.#directory, oid, this.#limitBytes, hasRoom))
  }

  /** Says that the repository was not packed by maintenance: the next object may well be loose. */
  expectMore(): void {
    this.#shortcut.expectMore()
  }
}

/**
 * Reads a loose object.
 *
 * @param directory the folder `objects`
 * @returns undefined where anything about it is unusual, or it is too large
 * @throws Node's own errors where it cannot be read, or inflated
 */
export async function readLoose(
  directory: string,
  oid: string,
  limitBytes: number,
  hasRoom: HasRoom,
): Promise<GitObject | undefined | typeof NO_ROOM> {
  const path = `${directory}/${oid.slice(0, 2)}/${oid.slice(2)}`
  const { kind, size: deflatedBytes } = await nodeFileSystem.stat(path)
  if (kind !== 'file' || deflatedBytes > mostDeflated(limitBytes)) return undefined
  if (deflatedBytes > FEW_BYTES) {
    const announced = await looseObjectSize(directory, oid)
    if (announced !== undefined && !hasRoom(announced)) return NO_ROOM
  }
  const deflated = await nodeFileSystem.readFile(path)
  const start = inflateStart(deflated.subarray(0, START_BYTES))
  const [header, type, digits] = HEADER.exec(start.toString('latin1')) ?? []
  const size = Number(digits)
  if (header === undefined || !(size <= limitBytes)) return undefined
  if (!hasRoom(size)) return NO_ROOM
  const framed = await inflateAnnounced(deflated, header.length + size)
  const isWhole = createHash('sha1').update(framed).digest('hex') === oid
  // HEADER admits no type but the four.
  return isWhole ? { oid, type: type as ObjectType, content: framed.subarray(header.length) } : undefined
}

/**
 * The size that a loose object announces; undefined if there is none that can be made out. Reads 128 bytes.
 *
 * @param directory the folder `objects`
 */
export async function looseObjectSize(directory: string, oid: string): Promise<number | undefined> {
  const path = `${directory}/${oid.slice(0, 2)}/${oid.slice(2)}`
  const file = await nodeFileSystem.open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const deflated = Buffer.alloc(START_BYTES)
    const count = await file.read(deflated, 0, START_BYTES, 0)
    const start = inflateStart(deflated.subarray(0, count))
    const digits = HEADER.exec(start.toString('latin1'))?.[2]
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** The size of an object whose file has more is looked at before the file is read. */
const FEW_BYTES = 64 << 10
/** Enough to hold the header. */
const START_BYTES = 128
const HEADER = /^(blob|tree|commit|tag) (0|[1-9]\d*)\0/
