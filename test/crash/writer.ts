// A process that writes to a log until it is killed, and says on stdout what it asks for and is told. What stands
// on stdin are operations of writers before it whose end nobody knows: it repeats them first.
import { readFileSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { open } from '../../src/memoir.ts'
import type { Log } from '../../src/opened-log.ts'
import { MaintenanceRunningError } from '../../src/sync/errors.ts'
import type { HistoryRecord, Operation } from './history.ts'
import { Random } from './random.ts'
import { tallies } from './tally.ts'
import { UnsyncedFileSystem } from './unsynced-file-system.ts'
import { Client } from './workload.ts'

/** What a writer is started with, as JSON. */
export interface WriterOrders {
  readonly path: string
  /** Differs from that of every other writer to the same log. */
  readonly name: string
  readonly seed: number
  readonly clients: number
  /** How many operations each client makes; absent: until it is killed. */
  readonly operations?: number
  /** At most how many characters an event carries, and how many bytes wait before they are sealed. */
  readonly fillerLength?: number
  readonly sealBytes?: number
  /** Maintain the repository all the time beside the appends. */
  readonly maintain?: boolean
  /** Leave out everything that makes bytes durable: a writer that a power cut has to find out. */
  readonly withoutSync?: boolean
  /** The remote that it pushes to by itself. */
  readonly mirror?: string
  /** The remote that it shares with other writers: `path` is its own clone then. SIGTERM lets it end. */
  readonly remote?: string
}

/** What it says: records of the history, and where it stands. */
export type WriterMessage =
  | HistoryRecord
  | { readonly state: 'ready' | 'open' | 'done' }
  | { readonly failed: string }
  /** So many objects went from files of their own into a pack. */
  | { readonly maintained: number }

const SHARED_ACK_LEVELS = ['pushed', 'pushed', 'pushed', 'pushed', 'committed'] as const

function say(message: WriterMessage): void {
  // A clock that all processes of a machine share.
  const at = Number(process.hrtime.bigint() / 1000n)
  const bytes = Buffer.from(`${JSON.stringify({ ...message, at })}\n`)
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done)
}

async function work(orders: WriterOrders, unsettled: readonly Operation[]): Promise<void> {
  const {
    path,
    name,
    seed,
    clients: count,
    operations = Number.POSITIVE_INFINITY,
    fillerLength = 200,
    sealBytes = 20_000,
  } = orders
  const seal = { afterMs: 3, maxBytes: sealBytes }
  const ports = orders.withoutSync ? { fileSystem: new UnsyncedFileSystem() } : {}
  const options = { projections: [tallies], seal, snapshot: { everyEvents: 50 }, ports }
  const { remote, mirror } = orders
  const log =
    remote === undefined
      ? await open(path, { ...options, ...(mirror && { remote: mirror, push: { every: 100 } }) })
      : await open(path, { ...options, mode: 'shared', remote })
  const ackLevels = remote === undefined ? undefined : SHARED_ACK_LEVELS
  let isEnding = false
  process.once('SIGTERM', () => {
    isEnding = true
  })
  say({ state: 'open' })
  const clients = Array.from({ length: count }, (_, number) => {
    const random = new Random(seed + number)
    return new Client({
      log,
      random,
      name: `${name}.${number}`,
      record: say,
      fillerLength,
      ...(ackLevels && { ackLevels }),
    })
  })
  let isDone = false
  const maintained = orders.maintain ? maintainUntil(log, () => isDone) : undefined
  await Promise.all(unsettled.map((operation) => clients[0]!.try(operation)))
  await Promise.all(
    clients.map(async (client) => {
      for (let done = 0; done < operations && !isEnding && log.status().problem === undefined; done++) {
        await client.step()
      }
    }),
  )
  isDone = true
  await maintained
  await log.close()
  say({ state: 'done' })
}

async function maintainUntil(log: Pick<Log, 'status' | 'maintain'>, isDone: () => boolean): Promise<void> {
  while (!isDone() && log.status().problem === undefined) {
    try {
      const { packedObjects, mergedPacks } = await log.maintain()
      if (packedObjects + mergedPacks > 0) say({ maintained: packedObjects })
    } catch (error) {
      // Somebody else maintains it meanwhile.
      if (!(error instanceof MaintenanceRunningError)) throw error
      await wait(10)
    }
  }
}

try {
  say({ state: 'ready' })
  // Standing still until stdin ends lets several writers start at the same moment. Whoever starts a writer gives it its orders.
  await work(JSON.parse(process.argv[2]!), JSON.parse(readFileSync(0, 'utf8') || '[]'))
  process.exit()
} catch (error) {
  say({ failed: error instanceof Error && 'code' in error ? String(error.code) : String(error) })
  process.exit(1)
}
