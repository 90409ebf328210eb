import { uuidGenerator } from '../src/event/ids.ts'
import { JsonWriter } from '../src/event/json-writer.ts'
import { prepareEvents } from '../src/event/new-event.ts'
import { Image } from '../src/image/image.ts'
import { projection } from '../src/image/projection.ts'
import type { Journal } from '../src/journal/journal.ts'
import { checkShape, type PreparedAppend } from '../src/log/append-check.ts'
import { Appender } from '../src/log/appender.ts'
import { LogIndex } from '../src/log/log-index.ts'
import type { LogState } from '../src/log/log-state.ts'
import { Tail } from '../src/log/tail.ts'
import { Watermark } from '../src/log/watermark.ts'
import { LogTree } from '../src/repository/log-tree.ts'
import { encodeObject } from '../src/repository/object.ts'
import { systemClock } from '../src/system/clock.ts'
import { systemRandom } from '../src/system/random.ts'
import { perSecond } from './limits.ts'
import { type Group, goal } from './row.ts'
import { type SampleData, sampleEvent } from './sample-events.ts'
import { median } from './statistics.ts'

const STREAMS = 1000
const MOST_BYTES = 1 << 20
const BODY_BYTES = 64 * 1024
const MOST_MICROSECONDS = 20
/** Commands whose events are dropped at once, as a seal would. */
const DROPPED_AT_ONCE = 1000

interface Account {
  balance: number
  version: number
}

const accounts = projection({
  name: 'accounts',
  version: 1,
  init: () => new Map<string, Account>(),
  when: {
    MoneyDeposited(state, { stream, version, data }) {
      const { amount } = data as SampleData
      const account = state.get(stream)
      if (account === undefined) state.set(stream, { balance: amount, version })
      else {
        account.balance += amount
        account.version = version
      }
    },
  },
})

/** Keeps nothing: what is measured is all that a command costs beside the disk. */
const nowhere: Journal = {
  read: async function* () {},
  append: async () => undefined,
  release: async () => undefined,
  status: () => ({ bytes: 0, segments: 0, failure: undefined }),
  close: async () => undefined,
}

export const command: Group = {
  rows: ['command'],
  run: async ({ sizes }) => {
    const { pairs, commands } = sizes
    const times: number[] = []
    for (let round = 0; round < pairs; round++) times.push(await microsecondsOf(commands))
    const microseconds = median(times)
    return [
      {
        id: 'command',
        measurement: 'command in memory: read state, decide, check, encode, apply; no I/O',
        figures: [
          { name: 'measured', value: microseconds, unit: 'µs' },
          { name: 'commands', value: perSecond(1, microseconds / 1000), unit: '1/s' },
        ],
        goals: [goal('µs', microseconds, { atMost: MOST_MICROSECONDS })],
      },
    ]
  },
}

async function microsecondsOf(commands: number): Promise<number> {
  const image = await Image.open([accounts], { notify: () => undefined })
  const state = emptyState()
  const parts = {
    log: state,
    journal: nowhere,
    clock: systemClock,
    listener: image,
    onJournaled: () => undefined,
  }
  const appender = new Appender(parts)
  const uuid = uuidGenerator(systemRandom)
  const newId = () => uuid(systemClock.now())
  const bodies = new JsonWriter(BODY_BYTES)

  const started = performance.now()
  for (let number = 0; number < commands; number++) {
    const { stream, event } = sampleEvent(number, STREAMS)
    const account = image.state(accounts).get(stream)
    // The decision: an account takes no more than so much.
    if (account !== undefined && account.balance > Number.MAX_SAFE_INTEGER / 2) continue
    const deposit = { ...event, type: 'MoneyDeposited' }
    const expected = account?.version ?? 'no-stream'
    const append: PreparedAppend = {
      stream,
      expected,
      events: prepareEvents(stream, [deposit], MOST_BYTES, newId, bodies),
    }
    checkShape([append], undefined)
    const appended = appender.append([append], undefined, 'durable')
    bodies.used = 0
    await appended
    if (number % DROPPED_AT_ONCE === 0) state.tail.dropUpTo(state.visible.position)
  }
  return ((performance.now() - started) / commands) * 1000
}

/** What an empty log holds in memory. */
function emptyState(): LogState {
  const nothing = encodeObject('blob', Buffer.alloc(0)).oid
  const { tree } = LogTree.create({ manifest: nothing, gitattributes: nothing })
  return {
    branch: { commit: tree.oid, tree, position: 0, own: { since: tree.oid, commits: 0 } },
    index: new LogIndex(),
    tail: new Tail(),
    visible: new Watermark(),
    rewrites: 0,
  }
}
