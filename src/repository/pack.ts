import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { EncodedObject } from './object.ts'
import { entryHeader } from './pack-entry.ts'
import { encodePackIndex, type IndexEntry } from './pack-index.ts'

/** An object and its content as zlib deflates it, without a header. */
export interface DeflatedObject {
  readonly object: EncodedObject
  readonly deflated: Buffer
}

/** The two files that make a pack. */
export interface EncodedPack {
  /** Without an ending: `pack-1d45…`, after the checksum at its end. */
  readonly name: string
  readonly pack: Buffer
  readonly index: Buffer
}

/**
 * A pack without deltas, and its index: versions 2 of both, as gitformat-pack(5) describes them. They are the bytes
 * that `git index-pack` makes of the same pack. Hashing is most of the work: 0.6 ms a deflated MiB.
 *
 * @param objects each once, together below 2 GiB, to which the short offsets of an index reach
 */
export function encodePack(objects: readonly DeflatedObject[]): EncodedPack {
  const parts: Buffer[] = [packHeader(objects.length)]
  const entries: IndexEntry[] = []
  let offset = parts[0]!.length
  for (const { object, deflated } of objects) {
    const header = entryHeader(object.type, object.content.length)
    parts.push(header, deflated)
    entries.push({ oid: object.oid, checksum: crc32(deflated, crc32(header)), offset })
    offset += header.length + deflated.length
  }
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  const checksum = hash.digest()
  const pack = Buffer.concat([...parts, checksum], offset + checksum.length)
  return { name: `pack-${checksum.toString('hex')}`, pack, index: encodePackIndex(entries, checksum) }
}

const VERSION = 2

function packHeader(count: number): Buffer {
  const header = Buffer.alloc(12)
  header.write('PACK', 'latin1')
  header.writeUInt32BE(VERSION, 4)
  header.writeUInt32BE(count, 8)
  return header
}
