// Writes the files of sample-repo/: a small log from the first cases of the demo's data. Ids are made from the
// data, so it comes out the same each time. Run `npm run build` first.
import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readReceipts } from '../demo/receipts.js'
import { encodeYaml } from '../dist/event/yaml-codec.js'

const CASES = 4
/** How many events the batches hold, and how they are written; the last one holds the rest. */
const BATCHES = [
  { events: 6, codec: 'jsonl' },
  { events: 3, codec: 'yaml' },
  { events: Number.POSITIVE_INFINITY, codec: 'jsonl' },
]

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const events = join(root, 'sample-repo', 'events')
const lines = await firstLines()
await rm(events, { recursive: true, force: true })
await mkdir(join(events, '000000'), { recursive: true })
let first = 1
for (const { events: count, codec } of BATCHES) {
  const batch = lines.slice(first - 1, first - 1 + count)
  const text = batch.join('')
  const name = `${String(first).padStart(12, '0')}.${codec}`
  await writeFile(join(events, '000000', name), codec === 'yaml' ? encodeYaml(text) : text)
  first += batch.length
}

/** The events of the first cases, as stored lines. */
async function firstLines() {
  const receipts = await readReceipts(join(root, 'demo', 'receipt.csv.gz'))
  const cases = new Set([...new Set(receipts.map(({ stream }) => stream))].slice(0, CASES))
  const versions = new Map()
  return receipts
    .filter(({ stream }) => cases.has(stream))
    .map(({ stream, event: { type, time, data, metadata } }) => {
      const version = (versions.get(stream) ?? 0) + 1
      versions.set(stream, version)
      const event = { id: idOf(`${stream} ${version}`, time), stream, version, type, time, data, metadata }
      return `${JSON.stringify(event)}\n`
    })
}

/** A UUID, version 7, whose random bits are made from a text. */
function idOf(text, time) {
  const hash = createHash('sha256').update(text).digest('hex')
  const ms = time.getTime().toString(16).padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`
}
