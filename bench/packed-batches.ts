import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { git } from './workspace.ts'

/** Where the deflated bytes of a batch stand in a pack, and how large it is once they are inflated. */
export interface PackedBatch {
  readonly offset: number
  readonly bytes: number
  readonly size: number
}

export interface PackedBatches {
  readonly pack: string
  /** In the order of their events. */
  readonly batches: readonly PackedBatch[]
}

/** Where the batches of a repacked clone stand, as git tells it. */
export function findPackedBatches(clone: string): PackedBatches {
  const folder = join(clone, 'objects/pack')
  const pack = join(folder, readdirSync(folder).find((name) => name.endsWith('.pack'))!)
  const content = readFileSync(pack)
  const blobs = new Map<string, PackedBatch>()
  for (const row of git(clone, 'verify-pack', '-v', pack.replace(/pack$/, 'idx')).split('\n')) {
    const [, oid, ...numbers] = WHOLE_BLOB.exec(row) ?? []
    if (oid === undefined) continue
    const [size, length, start] = numbers.map(Number) as [number, number, number]
    let offset = start
    // Type and size: the last of their bytes has no highest bit.
    while (content[offset++]! & 128);
    blobs.set(oid, { offset, bytes: start + length - offset, size })
  }
  const oids = git(clone, 'ls-tree', '-r', '--format=%(objectname)', 'HEAD', 'events/').split('\n')
  const batches = oids.map((oid) => {
    const batch = blobs.get(oid)
    if (batch === undefined) throw new Error(`${oid} is not stored whole in ${pack}`)
    return batch
  })
  return { pack, batches }
}

const WHOLE_BLOB = /^([0-9a-f]{40}) blob\s+(\d+) (\d+) (\d+)$/
