import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { git } from './workspace.ts'

/** Where the deflated bytes of a batch stand in a pack, and in the batch the data of each event: from, to, from, to … */
export interface PackedBatch {
  readonly offset: number
  readonly bytes: number
  readonly size: number
  readonly data: readonly number[]
}

export interface PackedBatches {
  readonly pack: string
  readonly batches: readonly PackedBatch[]
}

/** The batches of a repacked clone that are stored whole, which are nearly all; git tells where. */
export function findPackedBatches(clone: string): PackedBatches {
  const folder = join(clone, 'objects/pack')
  const pack = join(folder, readdirSync(folder).find((name) => name.endsWith('.pack'))!)
  const content = readFileSync(pack)
  const rows = git(clone, 'verify-pack', '-v', pack.replace(/pack$/, 'idx')).split('\n')
  const batches = rows.flatMap((row) => {
    const [, size, length, start] = WHOLE_BLOB.exec(row)?.map(Number) ?? []
    if (size === undefined || length === undefined || start === undefined) return []
    let offset = start
    // Type and size: the last of their bytes has no highest bit.
    while (content[offset++]! & 128);
    const deflated = content.subarray(offset, start + length)
    const data = placesOfData(inflateSync(deflated))
    return data.length > 0 ? [{ offset, bytes: deflated.length, size, data }] : []
  })
  return { pack, batches }
}

const WHOLE_BLOB = /^[0-9a-f]{40} blob\s+(\d+) (\d+) (\d+)$/
const DATA = '","data":'
const METADATA = ',"metadata":{'

function placesOfData(batch: Buffer): number[] {
  const places: number[] = []
  for (let at = batch.indexOf(DATA); at !== -1; at = batch.indexOf(DATA, at)) {
    const from = at + DATA.length
    at = batch.indexOf(METADATA, from)
    places.push(from, at)
  }
  return places
}
