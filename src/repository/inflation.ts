import { promisify } from 'node:util'
import { constants, inflate, inflateSync, type ZlibOptions } from 'node:zlib'

const inflateInPool = promisify<Uint8Array, ZlibOptions, Buffer>(inflate)

/**
 * Inflates in Node's thread pool, into memory in one piece, and no more of it than was announced.
 *
 * @throws Node's own errors where it is damaged, or makes more
 */
export function inflateAnnounced(deflated: Uint8Array, bytes: number): Promise<Buffer> {
  return inflateInPool(deflated, {
    // Into a chunk that is full to the last byte Node looks for more, with another call and as much memory again.
    chunkSize: Math.max(bytes + 1, constants.Z_MIN_CHUNK),
    maxOutputLength: Math.max(bytes, 1),
  })
}

/** As much of what was deflated as can be made out from its beginning. @throws Node's own errors where it is damaged */
export function inflateStart(deflated: Uint8Array): Buffer {
  return inflateSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 20 })
}

/** What cannot be deflated takes a little more than it is: 5 bytes for a block, which hold 16 KiB as a rule. */
export function mostDeflated(bytes: number): number {
  return bytes + Math.ceil(bytes / 64) + 1024
}
