// Prints how many milliseconds a program takes that does what a replay is made of, and nothing else: it reads the batches of
// a clone at places that it was told, inflates them in the thread pool, hashes them, finds the fields of each line, and puts
// each event into an index and a projection. It is made for the lines of the benchmarks alone: it opens no log, and knows
// of no other fields, orders, escapes or characters. What it takes is what Memoir's replay is measured by.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import type { PackedBatch, PackedBatches } from './packed-batches.ts'
import type { BareReplayInput } from './replay.ts'
import { childInput } from './workspace.ts'

/** As many as are read ahead by the replay of batches of this size. */
const AHEAD = 4
const QUOTE = 0x22
const LF = 0x0a
const ZERO = 0x30
const ID_LENGTH = 36
const TIME_LENGTH = 24
const BEFORE_ID = '{"id":"'.length
const BEFORE_STREAM = '","stream":"'.length
const BEFORE_VERSION = '","version":'.length
const BEFORE_TYPE = ',"type":"'.length
const BEFORE_TIME = '","time":"'.length
const BEFORE_DATA = '","data":'.length
const METADATA = Buffer.from(',"metadata":{')

/** With what Node makes such texts of bytes by itself, undocumented: `toString` costs a little more. */
type Batch = Buffer & { latin1Slice(from: number, to: number): string }

const { path, events, wanted } = childInput<BareReplayInput>()
const { pack, batches }: PackedBatches = JSON.parse(readFileSync(path, 'utf8'))
const inflateInPool = promisify<Uint8Array, { chunkSize: number }, Buffer>(inflate)

const started = performance.now()

// The index: of each event its stream, type, time, the hash of its id, and the event of its stream before it.
const streamOf = new Uint32Array(events)
const typeOf = new Uint32Array(events)
const times = new Float64Array(events)
const idHashes = new Uint32Array(events)
const previous = new Uint32Array(events)
const streams = new Map<string, number>()
const versions: number[] = []
const heads: number[] = []
const types = new Map<string, number>()
let count = 0
let lastTime = { text: '', ms: 0 }
// The projection.
const sums = new Map<string, number>()

const file = await open(pack)
const ahead: Promise<Batch>[] = []
let next = 0
for (const _ of batches) {
  while (ahead.length < AHEAD && next < batches.length) ahead.push(read(file, batches[next++]!))
  const batch = await ahead.shift()!
  createHash('sha1').update(batch).digest('hex')
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length)
  for (let at = 0; at < batch.length; at = batch.indexOf(LF, at) + 1) addLine(batch, view, at)
}
const ms = performance.now() - started

await file.close()
if (count !== events || sums.size === 0) throw new Error(`${count} events of ${events} were replayed`)
console.log(ms)

async function read(file: FileHandle, { offset, bytes, size }: PackedBatch): Promise<Batch> {
  const deflated = Buffer.allocUnsafe(bytes)
  await file.read(deflated, 0, bytes, offset)
  return (await inflateInPool(deflated, { chunkSize: size + 1 })) as Batch
}

function addLine(batch: Batch, view: DataView, start: number): void {
  const id = start + BEFORE_ID
  const streamAt = id + ID_LENGTH + BEFORE_STREAM
  const streamEnd = batch.indexOf(QUOTE, streamAt)
  const stream = batch.latin1Slice(streamAt, streamEnd)
  let at = streamEnd + BEFORE_VERSION
  let version = 0
  for (let digit = batch[at]! - ZERO; digit >= 0 && digit <= 9; digit = batch[++at]! - ZERO) {
    version = version * 10 + digit
  }
  const typeAt = at + BEFORE_TYPE
  const typeEnd = batch.indexOf(QUOTE, typeAt)
  const type = batch.latin1Slice(typeAt, typeEnd)
  const timeAt = typeEnd + BEFORE_TIME
  addToIndex(stream, version, type, timeOf(batch.latin1Slice(timeAt, timeAt + TIME_LENGTH)), hashOf(view, id))
  if (wanted !== undefined && type !== wanted) return
  const dataAt = timeAt + TIME_LENGTH + BEFORE_DATA
  const data: { amount: number } = JSON.parse(batch.latin1Slice(dataAt, batch.indexOf(METADATA, dataAt)))
  sums.set(stream, (sums.get(stream) ?? 0) + data.amount)
}

/** The events of an append have the same time. */
function timeOf(text: string): number {
  if (text !== lastTime.text) lastTime = { text, ms: Date.parse(text) }
  return lastTime.ms
}

function hashOf(view: DataView, id: number): number {
  let hash = 0
  for (let at = id; at < id + ID_LENGTH; at += 4) hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
  return hash
}

function addToIndex(stream: string, version: number, type: string, time: number, idHash: number): void {
  let number = streams.get(stream)
  if (number === undefined) {
    number = streams.size
    streams.set(stream, number)
    versions.push(0)
    heads.push(0)
  }
  let typeNumber = types.get(type)
  if (typeNumber === undefined) {
    typeNumber = types.size
    types.set(type, typeNumber)
  }
  versions[number]!++
  if (versions[number] !== version) throw new Error(`${stream} has version ${version}`)
  streamOf[count] = number
  typeOf[count] = typeNumber
  times[count] = time
  idHashes[count] = idHash
  previous[count] = heads[number]!
  heads[number] = ++count
}
