import { describe, expect, it, test } from 'vitest'
import type { RecordedEvent } from '../../src/event/event.ts'
import { AFTER_A_KILL, AFTER_A_POWER_CUT, type Anomaly, findAnomalies, type Observation } from './checker.ts'
import { History, type HistoryRecord, type Operation, type Outcome } from './history.ts'
import { tally } from './tally.ts'

/** A run without a fault, which each test spoils in its own way. */
interface Run {
  readonly records: HistoryRecord[]
  events: RecordedEvent[]
  /** What the log shows beside its events; made from them where absent. */
  shown?: Partial<Observation>
}

function operation(token: string, streams: readonly string[], more: Partial<Operation> = {}): Operation {
  const appends = streams.map((stream, number) => ({
    stream,
    expectedVersion: 'any' as const,
    events: [{ type: 'Changed', tags: ['room:1'], data: { token, number, filler: '' } }],
  }))
  return { token, appends, ack: 'journaled', ...more }
}

function goodRun(): Run {
  const run: Run = { records: [], events: [] }
  const versions = new Map<string, number>()
  const store = (asked: Operation): Outcome => {
    const firstPosition = run.events.length + 1
    for (const { stream, events } of asked.appends) {
      for (const { type, tags, data } of events) {
        const position = run.events.length + 1
        const version = (versions.get(stream) ?? 0) + 1
        versions.set(stream, version)
        const time = `2026-01-01T00:00:00.${String(position).padStart(3, '0')}Z`
        const id = `id-${position}`
        run.events.push({ position, stream, version, type, tags, data, schema: 1, id, time, metadata: {} })
      }
    }
    const streams = asked.appends.map(({ stream }) => ({ stream, version: versions.get(stream)! }))
    const result = { firstPosition, position: run.events.length, streams }
    return { kind: 'acknowledged', result, seen: streams[0]!.version }
  }
  const perform = (asked: Operation, outcome?: Outcome) => {
    run.records.push({ begun: asked }, { ended: asked.token, outcome: outcome ?? store(asked) })
  }
  perform(operation('one', ['a']))
  perform(operation('two', ['a', 'b']))
  perform(operation('refused', ['a']), { kind: 'rejected', code: 'concurrency' })
  perform(operation('three', ['b']))
  perform(operation('four', ['a'], { condition: { query: { types: ['Changed'] }, after: 4 } }))
  run.records.push({ begun: operation('never told', ['a']) })
  return run
}

function kindsIn({ records, events, shown }: Run, promised = AFTER_A_KILL): Anomaly['kind'][] {
  const image = tally(events)
  const streams = [...image].map(([stream, { version }]) => ({ stream, version, position: 1, time: '' }))
  const observation = { events, image, streams, position: events.length, findings: [], ...shown }
  return findAnomalies(History.of(records), observation, promised).map(({ kind }) => kind)
}

/** Leaves events out and numbers the rest anew, as a log would that never had them. */
function without(
  events: readonly RecordedEvent[],
  isGone: (event: RecordedEvent) => boolean,
): RecordedEvent[] {
  return renumbered(events.filter((event) => !isGone(event)))
}

function renumbered(events: readonly RecordedEvent[]): RecordedEvent[] {
  const versions = new Map<string, number>()
  return events.map((event, at) => {
    const version = (versions.get(event.stream) ?? 0) + 1
    versions.set(event.stream, version)
    return { ...event, position: at + 1, version, time: `2026-01-01T00:00:00.${100 + at}Z` }
  })
}

const tokenOf = ({ data }: RecordedEvent) => (data as { token: string }).token

test('finds nothing wrong in a run that kept its promises', () => {
  expect(kindsIn(goodRun())).toEqual([])
})

test('lets an operation whose end nobody heard of be stored or not', () => {
  const run = goodRun()
  const [last] = run.events.slice(-1)
  const event = { ...last!, position: 6, version: 4, data: { token: 'never told', number: 0, filler: '' } }
  expect(kindsIn({ ...run, events: [...run.events, event] })).toEqual([])
})

test('lets a power cut take what was only written, and nothing else', () => {
  const run = goodRun()
  const asked = operation('only written', ['c'], { ack: 'written' })
  const result = { firstPosition: 6, position: 6, streams: [{ stream: 'c', version: 1 }] }
  run.records.push(
    { begun: asked },
    { ended: 'only written', outcome: { kind: 'acknowledged', result, seen: 1 } },
  )
  expect(kindsIn(run, AFTER_A_POWER_CUT)).toEqual([])
  expect(kindsIn(run, AFTER_A_KILL)).toEqual(['lost'])
})

test('lets what was accepted without a place be stored, or kept as a conflict', () => {
  const run = goodRun()
  run.records.push(...accepted('offline'))
  expect(kindsIn({ ...run, shown: { conflicts: ['offline'] } })).toEqual([])
  const event = { ...run.events[4]!, position: 6, version: 1, stream: 'c' }
  const stored = { ...event, data: { token: 'offline', number: 0, filler: '' } }
  expect(kindsIn({ ...run, events: [...run.events, stored] })).toEqual([])
})

/** An append that was taken in without the remote. */
function accepted(token: string): HistoryRecord[] {
  const begun = operation(token, ['c'], { ack: 'committed' })
  return [{ begun }, { ended: token, outcome: { kind: 'accepted' } }]
}

const FAULTS: readonly [kind: Anomaly['kind'], what: string, plant: (run: Run) => Run][] = [
  [
    'lost',
    'an acknowledged event is gone',
    (run) => ({ ...run, events: without(run.events, (event) => tokenOf(event) === 'four') }),
  ],
  [
    'lost',
    'an event is gone of an append that failed after it was stored',
    (run) => {
      const asked = operation('late', ['c'])
      return {
        ...run,
        records: [
          ...run.records,
          { begun: asked },
          { ended: 'late', outcome: { kind: 'stored', code: 'seal-failed' } },
        ],
      }
    },
  ],
  [
    'lost',
    'an append that was accepted without a place is neither stored nor a conflict',
    (run) => ({ ...run, records: [...run.records, ...accepted('offline')] }),
  ],
  [
    'doubled',
    'an event stands twice',
    (run) => ({ ...run, events: renumbered([...run.events, run.events.at(-1)!]) }),
  ],
  [
    'reordered',
    'an append stands before one that was acknowledged before it began',
    ({ records, events }) => {
      const [one, two, alsoTwo, three, four] = events
      return { records, events: renumbered([two!, alsoTwo!, one!, three!, four!]) }
    },
  ],
  [
    'invented',
    'an event belongs to no operation',
    ({ records, events }) => {
      const event = { ...events[0]!, position: 6, version: 4, time: '2026-01-02', data: { token: 'nobody' } }
      return { records, events: [...events, event] }
    },
  ],
  [
    'altered',
    'an event has other data than it was given',
    (run) => {
      run.events[3] = { ...run.events[3]!, data: { token: 'three', number: 0, filler: 'other' } }
      return run
    },
  ],
  [
    'shifted position',
    'an event stands elsewhere than was said',
    ({ records, events }) => {
      const [one, two, alsoTwo, three, four] = events
      const isTold = (record: HistoryRecord) => !('ended' in record && record.ended === 'four')
      return { records: records.filter(isTold), events: renumbered([one!, two!, alsoTwo!, four!, three!]) }
    },
  ],
  [
    'shifted version',
    'an event has another version than was said',
    ({ records, events }) => {
      const moved = events.map((event) => (tokenOf(event) === 'one' ? { ...event, stream: 'c' } : event))
      return { records, events: renumbered(moved) }
    },
  ],
  [
    'gap in positions',
    'a position is left out',
    (run) => {
      run.events[4] = { ...run.events[4]!, position: 6 }
      return run
    },
  ],
  [
    'gap in versions',
    'a version is left out',
    (run) => {
      run.events[4] = { ...run.events[4]!, version: 4 }
      return run
    },
  ],
  [
    'condition violated',
    'a stream was not at the version that was expected',
    ({ records, events }) => {
      const [first] = records
      if (!('begun' in first!)) throw new Error('the run begins with an operation')
      const [append] = first.begun.appends
      const begun = { ...first.begun, appends: [{ ...append!, expectedVersion: 1 }] }
      return { records: [{ begun }, ...records.slice(1)], events }
    },
  ],
  [
    'condition violated',
    'a query had a match before the append',
    ({ records, events }) => {
      const condition = { query: { types: ['Changed'] }, after: 3 }
      const changed = records.map((record) =>
        'begun' in record && record.begun.token === 'four'
          ? { begun: { ...record.begun, condition } }
          : record,
      )
      return { records: changed, events }
    },
  ],
  [
    'rejected but stored',
    'an append was refused and stands there',
    ({ records, events }) => {
      const event = {
        ...events[4]!,
        position: 6,
        version: 4,
        data: { token: 'refused', number: 0, filler: '' },
      }
      return { records, events: [...events, event] }
    },
  ],
  [
    'rejected but stored',
    'an append is kept as a conflict and stands there',
    (run) => ({ ...run, shown: { conflicts: ['four'] } }),
  ],
  [
    'half an append',
    'one of two events is there',
    (run) => ({
      ...run,
      events: without(run.events, (event) => tokenOf(event) === 'two' && event.stream === 'b'),
    }),
  ],
  [
    'half an append',
    'another event stands between the two of one append',
    ({ records, events }) => {
      const [one, two, alsoTwo, three, four] = events
      return { records, events: renumbered([one!, two!, three!, alsoTwo!, four!]) }
    },
  ],
  [
    'stale read',
    'a client did not see what it had appended',
    ({ records, events }) => {
      const changed = records.map((record) =>
        'ended' in record && record.ended === 'four' && record.outcome.kind === 'acknowledged'
          ? { ...record, outcome: { ...record.outcome, seen: 2 } }
          : record,
      )
      return { records: changed, events }
    },
  ],
  ['wrong image', 'the image differs from a replay', (run) => ({ ...run, shown: { image: new Map() } })],
  ['wrong image', 'the image ends before the log', (run) => ({ ...run, shown: { position: 4 } })],
  ['wrong index', 'a stream is missing', (run) => ({ ...run, shown: { streams: [] } })],
  [
    'time backwards',
    'an event is earlier than the one before it',
    (run) => {
      run.events[4] = { ...run.events[4]!, time: '2025-01-01T00:00:00.000Z' }
      return run
    },
  ],
  ['unsound repository', 'git finds something', (run) => ({ ...run, shown: { findings: ['missing blob'] } })],
]

describe('catches', () => {
  it.each(FAULTS)('%s: %s', (kind, _, plant) => {
    expect(kindsIn(plant(goodRun()))).toContain(kind)
  })
})
