import { promisify } from 'node:util'
import { constants, deflate, deflateSync, type ZlibOptions } from 'node:zlib'
import { looseFile } from './loose-file.ts'
import type { EncodedObject } from './object.ts'
import type { DeflatedObject } from './pack.ts'
import type { Slots } from './slots.ts'

/** Below this many bytes, deflating here and now is quicker than a trip to the thread pool: 0.06 ms against 0.17 at 8 KiB. */
const SYNCHRONOUS_BYTES = 16 * 1024
/** A larger object is not deflated ahead: the result is kept in memory until it is written. */
const MOST_AHEAD_BYTES = 1 << 20

const FAST = { level: constants.Z_BEST_SPEED }
/** Few large pieces: each is a trip to the pool, and with zlib's own 16 KiB they took a sixth of the time. */
const FAST_IN_POOL = { ...FAST, chunkSize: 256 * 1024 }
const deflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(deflate)

/** Deflates objects: small ones here and now, the others in the thread pool, and ahead where they are announced. */
export class ObjectDeflater {
  readonly #slots: Slots
  /** The deflated contents of objects that were begun, by their ids. */
  readonly #begun = new Map<string, Promise<Buffer>>()

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** Begins with an object that will be asked for soon. */
  begin(object: EncodedObject): void {
    const { oid, content } = object
    if (this.#begun.has(oid) || isSmall(object) || content.length > MOST_AHEAD_BYTES) return
    const deflated = this.#slots.run(() => deflateInPool(content, FAST_IN_POOL))
    // What fails is told to whoever asks for it.
    deflated.catch(() => undefined)
    this.#begun.set(oid, deflated)
  }

  /** Forgets what was begun and not asked for. */
  abandonBegun(): void {
    this.#begun.clear()
  }

  /** The contents alone, as a pack holds them. */
  async contents(objects: readonly EncodedObject[]): Promise<DeflatedObject[]> {
    const contents = new Map<EncodedObject, Buffer>()
    await this.#slots.forEach(objects, async (object) => {
      contents.set(object, await this.#content(object))
    })
    return objects.map((object) => ({ object, deflated: contents.get(object)! }))
  }

  /** One with its header, as a loose file holds it. Ask from within a slot. */
  async framed(object: EncodedObject): Promise<Buffer> {
    if (isSmall(object)) return deflateSync(object.framed, FAST)
    return looseFile({ object, deflated: await this.#content(object) })
  }

  /** In a slot, where what was begun has had one before. */
  async #content(object: EncodedObject): Promise<Buffer> {
    if (isSmall(object)) return deflateSync(object.content, FAST)
    const begun = this.#begun.get(object.oid)
    this.#begun.delete(object.oid)
    return begun ?? deflateInPool(object.content, FAST_IN_POOL)
  }
}

function isSmall({ framed }: EncodedObject): boolean {
  return framed.length < SYNCHRONOUS_BYTES
}
