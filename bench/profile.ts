import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'memoir'
import { appendAll, IN_FLIGHT } from './append.ts'
import { sampleEvents } from './sample-events.ts'
import { cloneRepacked, makeLog, sums } from './sample-logs.ts'
import { timed } from './statistics.ts'
import type { Workspace } from './workspace.ts'

const STREAMS = 1000
const BATCH = 1000
const SHOWN = 25
const SAMPLE_MICROSECONDS = 200

/** What can be profiled: each makes ready, and gives the task whose time is to be told. */
export const SUBJECTS: Readonly<Record<string, (bench: Workspace) => Promise<() => Promise<void>>>> = {
  append: async (bench) => {
    const log = await open(bench.path('log.git'))
    const events = sampleEvents(bench.sizes.singles * 10, STREAMS).map((event) => [event])
    return async () => {
      await appendAll(log, events, 1)
      await log.close()
    }
  },
  'append-in-flight': async (bench) => {
    const log = await open(bench.path('log.git'))
    const events = sampleEvents(bench.sizes.events, STREAMS).map((event) => [event])
    return async () => {
      await appendAll(log, events, IN_FLIGHT)
      await log.close()
    }
  },
  opening: async (bench) => {
    const { many, streams } = bench.sizes.opened
    const options = { projections: [sums] }
    await makeLog(bench.path('log.git'), { events: many, streams, batch: BATCH }, options)
    return async () => {
      const log = await open(bench.path('log.git'), options)
      const stream = log.streams()[0]!.stream
      for await (const _ of log.read({ stream, limit: 1 }));
      await log.close()
    }
  },
  replay: async (bench) => {
    await makeLog(bench.path('log.git'), { events: bench.sizes.replayed, streams: STREAMS, batch: BATCH })
    cloneRepacked(bench.path('log.git'), bench.path('clone.git'))
    return async () => {
      const log = await open(bench.path('clone.git'), { readOnly: true, projections: [sums] })
      await log.close()
    }
  },
}

/** Runs a subject once under the profiler: the functions that took most time themselves, as text. */
export async function profile(subject: string, bench: Workspace): Promise<string> {
  const prepare = SUBJECTS[subject]
  if (prepare === undefined) throw new Error(`there is no "${subject}": ${Object.keys(SUBJECTS).join(', ')}`)
  const task = await prepare(bench)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
  await session.post('Profiler.start')
  const ms = await timed(task)
  const { profile: recorded } = await session.post('Profiler.stop')
  session.disconnect()

  const most = costsOf(recorded)
    .sort((left, right) => right.self - left.self)
    .slice(0, SHOWN)
  const column = (time: number) =>
    `${time.toFixed(0).padStart(7)} ms ${((time / ms) * 100).toFixed(1).padStart(5)} %`
  const lines = most.map(({ place, self, total }) => `${column(self)} ${column(total)}  ${place}`)
  return [
    `${subject}: ${ms.toFixed(0)} ms, of which in each function itself, and with what it calls:`,
    ...lines,
  ].join('\n')
}

/** Milliseconds in a function itself, and with what it calls. */
interface Cost {
  readonly place: string
  self: number
  total: number
}

function costsOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Cost[] {
  const own = new Map<number, number>()
  for (const [at, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + timeDeltas[at]! / 1000)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const costs = new Map<string, Cost>()

  const visit = (node: Profiler.ProfileNode, callers: ReadonlySet<string>): number => {
    const place = placeOf(node.callFrame)
    // The profiler's own.
    if (place === 'dispatch') return 0
    const here = new Set(callers).add(place)
    const self = own.get(node.id) ?? 0
    const total = (node.children ?? []).reduce((sum, child) => sum + visit(byId.get(child)!, here), self)
    const cost = costs.get(place) ?? { place, self: 0, total: 0 }
    cost.self += self
    // A function that calls itself is counted once.
    if (!callers.has(place)) cost.total += total
    costs.set(place, cost)
    return total
  }
  visit(nodes[0]!, new Set())
  return [...costs.values()]
}

function placeOf({ functionName, url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const root = fileURLToPath(new URL('.', import.meta.resolve('memoir/package.json')))
  const file = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url
  return `${name}  ${file}:${lineNumber + 1}`
}
