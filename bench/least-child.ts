// Prints how many milliseconds nobody who replays a clone can save: its batches are read from the pack, inflated in the
// thread pool and hashed, and where it is asked for, their data is parsed, cut out at places that were known before.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import type { PackedBatch, PackedBatches } from './packed-batches.ts'
import type { SampleData } from './sample-events.ts'
import { childInput } from './workspace.ts'

/** As many as are read ahead by the replay of batches of this size. */
const AHEAD = 4

const { path, parses } = childInput<{ path: string; parses: boolean }>()
const { pack, batches }: PackedBatches = JSON.parse(readFileSync(path, 'utf8'))
const inflateInPool = promisify<Uint8Array, { chunkSize: number }, Buffer>(inflate)

let amount = 0
const started = performance.now()
const file = await open(pack)
const ahead: Promise<Buffer>[] = []
let next = 0
for (const batch of batches) {
  while (ahead.length < AHEAD && next < batches.length) ahead.push(read(file, batches[next++]!))
  const content = await ahead.shift()!
  createHash('sha1').update(content).digest('hex')
  if (parses) parse(content, batch.data)
}
const ms = performance.now() - started

await file.close()
if (parses && amount === 0) throw new Error('nothing was parsed')
console.log(ms)

async function read(file: FileHandle, { offset, bytes, size }: PackedBatch): Promise<Buffer> {
  const deflated = Buffer.allocUnsafe(bytes)
  await file.read(deflated, 0, bytes, offset)
  return inflateInPool(deflated, { chunkSize: size + 1 })
}

function parse(content: Buffer, data: readonly number[]): void {
  for (let at = 0; at < data.length; at += 2) {
    const parsed: SampleData = JSON.parse(content.toString('latin1', data[at], data[at + 1]))
    amount += parsed.amount
  }
}
