import { type Log, open } from 'memoir'
import { compressAndSync, perSecond, stringifyAndSync, writeAndSync } from './limits.ts'
import { type Group, type Row, ratioRow, withFigure } from './row.ts'
import { type SampleEvent, sampleEvents, sampleRecords } from './sample-events.ts'
import { measureInTurn, median, timed } from './statistics.ts'
import type { Workspace } from './workspace.ts'

export const IN_FLIGHT = 1024
const BATCH = 100
const STREAMS = 1000
/** Batches in flight while a whole log is written and committed. */
const BATCHES_IN_FLIGHT = 64

export const append: Group = {
  rows: ['append-one', 'append-in-flight', 'append-batches', 'append-committed'],
  run: async (bench) => [
    await appendOne(bench),
    await appendInFlight(bench),
    await appendInBatches(bench),
    await appendCommitted(bench),
  ],
}

async function appendOne(bench: Workspace): Promise<Row> {
  const { pairs, singles } = bench.sizes
  const events = sampleEvents(singles, STREAMS)
  const records = sampleRecords(singles, STREAMS)
  await using log = await open(bench.path('one.git'))
  const measured = await measureInTurn(
    pairs,
    () => writeAndSync(bench.path('limit'), records),
    async () => {
      const times: number[] = []
      for (const { stream, event } of events) times.push(await timed(() => log.append(stream, [event])))
      await log.seal()
      return median(times)
    },
  )
  const measurement = 'append, one event at a time, journaled, p50'
  return ratioRow({ id: 'append-one', measurement, limit: 'write + fdatasync, p50' }, 'ms', measured, {
    atMost: 1.5,
  })
}

async function appendInFlight(bench: Workspace): Promise<Row> {
  const appends = sampleEvents(bench.sizes.events, STREAMS).map((event) => [event])
  const measurement = `append, one event each, ${IN_FLIGHT} in flight`
  return await throughput(bench, { id: 'append-in-flight', measurement }, appends, IN_FLIGHT, 0.6)
}

async function appendInBatches(bench: Workspace): Promise<Row> {
  const events = sampleEvents(bench.sizes.events, STREAMS)
  const measurement = `append in batches of ${BATCH}`
  return await throughput(
    bench,
    { id: 'append-batches', measurement },
    batchesOf(events),
    BATCHES_IN_FLIGHT,
    0.75,
  )
}

async function throughput(
  bench: Workspace,
  about: { readonly id: string; readonly measurement: string },
  appends: readonly (readonly SampleEvent[])[],
  inFlight: number,
  atLeast: number,
): Promise<Row> {
  const { pairs, events } = bench.sizes
  const records = sampleRecords(events, STREAMS)
  const appendTo = async (log: Log) => {
    const ms = await timed(() => appendAll(log, appends, inFlight))
    // What is left to commit must not run into the next measurement of the limit.
    await log.seal()
    return perSecond(events, ms)
  }
  await using log = await open(bench.path(`${about.id}.git`))
  const measured = await measureInTurn(
    pairs,
    () => stringifyAndSync(bench.path('limit'), records, IN_FLIGHT),
    () => appendTo(log),
  )
  const limit = `stringify, then write + fdatasync for ${IN_FLIGHT} lines`
  const row = ratioRow({ ...about, limit }, 'events/s', measured, { atLeast })
  await using sealed = await open(bench.path(`${about.id}-sealed.git`), { seal: { maxBytes: 1 << 20 } })
  const rates: number[] = []
  for (let round = 0; round < pairs; round++) rates.push(await appendTo(sealed))
  return withFigure(row, { name: 'sealed from each MiB on', value: median(rates), unit: 'events/s' })
}

async function appendCommitted(bench: Workspace): Promise<Row> {
  const { pairs, events: count } = bench.sizes
  const appends = batchesOf(sampleEvents(count, STREAMS))
  const records = sampleRecords(count, STREAMS)
  await using log = await open(bench.path('committed.git'))
  const measured = await measureInTurn(
    pairs,
    () => compressAndSync(bench.path('limit'), records),
    async () => {
      const ms = await timed(async () => {
        await appendAll(log, appends, BATCHES_IN_FLIGHT)
        await log.seal()
      })
      return perSecond(count, ms)
    },
  )
  const limit = 'stringify, deflate 1, SHA-1, write, fsync in chunks of 1 MiB'
  const measurement = `${count.toLocaleString('en')} events until all are committed`
  return ratioRow({ id: 'append-committed', measurement, limit }, 'events/s', measured, { atLeast: 0.5 })
}

/** Appends everything, so many appends at a time, each next one as soon as one is acknowledged. */
export async function appendAll(
  log: Log,
  appends: readonly (readonly SampleEvent[])[],
  inFlight: number,
): Promise<void> {
  let next = 0
  const client = async () => {
    while (next < appends.length) {
      const events = appends[next++]!
      await log.append(
        events[0]!.stream,
        events.map(({ event }) => event),
      )
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client))
}

/** Batches of neighbours; each goes into the stream of its first event. */
function batchesOf(events: readonly SampleEvent[]): SampleEvent[][] {
  const batches: SampleEvent[][] = []
  for (let from = 0; from < events.length; from += BATCH) batches.push(events.slice(from, from + BATCH))
  return batches
}
