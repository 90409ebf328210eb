import { cpSync, mkdirSync } from 'node:fs'
import { open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import type { OpenOptions } from '../../src/options.ts'
import { git } from '../repository/real-git.ts'
import { History, type HistoryRecord, type Operation } from './history.ts'
import { forgetLocks } from './observation.ts'
import { Random } from './random.ts'
import { TYPES, tallies } from './tally.ts'
import { Client } from './workload.ts'

/** Something a log does, from a state that is made once, in which a fault is to be injected everywhere. */
export interface Scenario {
  readonly name: string
  /** Makes the folder that each run gets a copy of; the log is `log.git` in it. */
  readonly prepare: (folder: string, session: Session) => Promise<void>
  /** What is done with the open log. It may fail anywhere. */
  readonly run: (log: Log, session: Session, folder: string) => Promise<void>
  readonly options?: OpenOptions
}

/** Clients of one log, and what they were told. */
export interface Session {
  readonly record: (record: HistoryRecord) => void
  /** Lets some clients make so many operations each, at the same time. */
  readonly append: (log: Log, count: number, clients?: number) => Promise<void>
  /** Makes so many appends, no two of which fit into one batch: when three or more are sealed, they are packed. */
  readonly appendLarge: (log: Log, count: number) => Promise<void>
}

const BY_HAND: OpenOptions = { projections: [tallies], seal: { afterMs: 3_600_000 } }

export function startSession(name: string, record: (record: HistoryRecord) => void): Session {
  let started = 0
  return {
    record,
    async append(log, count, clients = 1) {
      const work = Array.from({ length: clients }, async () => {
        const number = started++
        const client = new Client({ log, random: new Random(number), name: `${name}.${number}`, record })
        for (let done = 0; done < count; done++) await client.step()
      })
      await Promise.all(work)
    },
    async appendLarge(log, count) {
      for (let done = 0; done < count; done++) {
        const token = `${name}.${started++}`
        const client = new Client({ log, random: new Random(0), name: token, record })
        await client.try(largeOperation(token))
      }
    },
  }
}

function largeOperation(token: string): Operation {
  const data = { token, number: 0, filler: 'x'.repeat(MORE_THAN_HALF_A_BATCH) }
  const events = [{ type: TYPES[0], tags: [], data }]
  return { token, appends: [{ stream: 'large', expectedVersion: 'any', events }], ack: 'journaled' }
}

const MORE_THAN_HALF_A_BATCH = 540_000

/** Closes at once, as the end of the process would; the journal stays as it is. */
async function startLog(folder: string, work: (log: Log) => Promise<void>): Promise<void> {
  const log = await open(`${folder}/log.git`, BY_HAND)
  await work(log)
  await log.close()
}

const withSomeEvents = (folder: string, session: Session) => startLog(folder, (log) => session.append(log, 6))

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'create',
    prepare: async () => undefined,
    run: (log, session) => session.append(log, 2),
  },
  { name: 'append', prepare: withSomeEvents, run: (log, session) => session.append(log, 4, 3) },
  {
    name: 'seal',
    prepare: withSomeEvents,
    async run(log, session) {
      for (let round = 0; round < 3; round++) {
        await session.append(log, 2)
        await log.seal()
      }
    },
  },
  {
    name: 'pack',
    prepare: withSomeEvents,
    options: { seal: { afterMs: 3_600_000, maxBytes: 1 << 24 } },
    async run(log, session) {
      await session.append(log, 1)
      await session.appendLarge(log, 3)
      await log.seal()
      await session.append(log, 1)
    },
  },
  {
    name: 'fold',
    prepare: (folder, session) =>
      startLog(folder, async (log) => {
        for (let round = 0; round < 6; round++) {
          await session.append(log, 1)
          await log.seal()
        }
      }),
    async run(log, session) {
      await log.fold()
      await session.append(log, 2)
    },
  },
  {
    name: 'recover',
    async prepare(folder, session) {
      const log = await open(`${folder}/other.git`, BY_HAND)
      await session.append(log, 8)
      // A copy of an open log is what a kill leaves.
      cpSync(`${folder}/other.git`, `${folder}/log.git`, { recursive: true })
      forgetLocks(`${folder}/log.git`)
      await log.close()
    },
    run: (log, session) => session.append(log, 2),
  },
  {
    name: 'snapshot',
    prepare: withSomeEvents,
    options: { snapshot: { everyEvents: 5 } },
    async run(log, session) {
      for (let round = 0; round < 2; round++) {
        await session.append(log, 6)
        await log.seal()
      }
    },
  },
  {
    name: 'push',
    async prepare(folder, session) {
      mkdirSync(`${folder}/remote.git`)
      git(`${folder}/remote.git`, ['init', '--quiet', '--bare', '--initial-branch=main'])
      await withSomeEvents(folder, session)
    },
    async run(log, session, folder) {
      await session.append(log, 2)
      await log.push(`${folder}/remote.git`)
      await session.append(log, 2)
    },
  },
  {
    name: 'pull',
    async prepare(folder, session) {
      await withSomeEvents(folder, session)
      cpSync(`${folder}/log.git`, `${folder}/remote.git`, { recursive: true })
      const remote = await open(`${folder}/remote.git`, BY_HAND)
      // What was acknowledged there is promised here only once it was pulled.
      const record = (one: HistoryRecord) => 'begun' in one && session.record(one)
      await startSession('remote', record).append(remote, 3)
      await remote.close()
    },
    async run(log, session, folder) {
      await log.pull(`${folder}/remote.git`)
      await session.append(log, 2)
    },
  },
]

/** A state that runs of a scenario begin with, and what is known of it. */
export interface Prepared {
  readonly folder: string
  readonly records: readonly HistoryRecord[]
}

export async function prepare(scenario: Scenario, folder: string): Promise<Prepared> {
  const records: HistoryRecord[] = []
  mkdirSync(folder, { recursive: true })
  await scenario.prepare(
    folder,
    startSession('before', (record) => records.push(record)),
  )
  return { folder, records }
}

/** Runs a scenario to its end, or to where it fails, and closes the log. */
export async function runScenario(
  scenario: Scenario,
  { folder, records }: Prepared,
  ports: OpenOptions['ports'],
): Promise<History> {
  const history = History.of(records)
  const session = startSession('during', (record) => history.add(record))
  let log: Log | undefined
  try {
    log = await open(`${folder}/log.git`, { ...BY_HAND, ...scenario.options, ...(ports && { ports }) })
    await scenario.run(log, session, folder)
  } catch {
    // A fault was injected: all that counts is what the log holds then.
  } finally {
    await log?.close().catch(() => undefined)
  }
  return history
}
