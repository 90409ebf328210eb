import type { AppendCondition, ExpectedVersion } from '../../src/event/condition.ts'
import type { AckLevel } from '../../src/log/appender.ts'
import type { AppendResult } from '../../src/log/placement.ts'
import type { Log } from '../../src/opened-log.ts'
import type { ProvisionalResult } from '../../src/sync/shared/offline-appends.ts'
import type { HistoryRecord, Operation, OperationEvent, Outcome } from './history.ts'
import type { Random } from './random.ts'
import { TYPES, tallies } from './tally.ts'

const STREAMS = Array.from({ length: 12 }, (_, number) => `stream-${number}`)
const TAGS = Array.from({ length: 8 }, (_, number) => `room:${number}`)
const MOST_ATTEMPTS = 4

/** Errors that say that nothing was stored, and those that say that it was. */
const REJECTIONS = [
  'concurrency',
  'journal-full',
  'backlog-full',
  'log-locked',
  'invalid-event',
  'time-backwards',
]
const STORED = ['seal-failed', 'not-pushed']

/** What a client needs of a log, whoever else writes to it. */
export interface WorkloadLog extends Pick<Log, 'state' | 'status'> {
  append(
    appends: Operation['appends'],
    options: { readonly ack: AckLevel; readonly condition?: AppendCondition },
  ): Promise<AppendResult | ProvisionalResult>
}

export interface WorkloadOptions {
  readonly log: WorkloadLog
  readonly random: Random
  /** Starts the token of every operation: tells writers and clients apart. */
  readonly name: string
  readonly record: (record: HistoryRecord) => void
  readonly ackLevels?: readonly AckLevel[]
  /** At most how many characters an event carries. */
  readonly fillerLength?: number
}

/** One client: appends at random, with conditions, retries and doubled calls, and notes what it is told. */
export class Client {
  readonly #options: WorkloadOptions
  #count = 0

  constructor(options: WorkloadOptions) {
    this.#options = options
  }

  /** Makes one operation and tries it until its outcome is known, or the log takes no more. */
  async step(): Promise<void> {
    const { random } = this.#options
    const operation = this.#nextOperation()
    const isRepeatable = operation.appends[0]!.events[0]!.id !== undefined
    const calls = isRepeatable && random.chance(0.1) ? 2 : 1
    await Promise.all(Array.from({ length: calls }, () => this.try(operation)))
    if (isRepeatable && random.chance(0.1)) await this.try(operation)
  }

  /** Tries an operation, again after an unknown outcome if it has ids. */
  async try(operation: Operation): Promise<Outcome> {
    const isRepeatable = operation.appends[0]!.events[0]!.id !== undefined
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(operation)
      const isSettled = outcome.kind !== 'unknown' && outcome.kind !== 'stored'
      if (isSettled || !isRepeatable || attempt === MOST_ATTEMPTS) return outcome
    }
  }

  async #attempt(operation: Operation): Promise<Outcome> {
    const { log, record } = this.#options
    record({ begun: operation })
    const { appends, condition, ack, token } = operation
    const outcome = await log.append(appends, { ack, ...(condition !== undefined && { condition }) }).then(
      (result) => acknowledged(log, result),
      (error: unknown) => failed(error),
    )
    record({ ended: token, outcome })
    return outcome
  }

  #nextOperation(): Operation {
    const { random, name, ackLevels = ['written', 'journaled', 'journaled', 'committed'] } = this.#options
    const token = `${name}.${this.#count++}`
    const { mode } = this.#options.log.status()
    const ack = random.pick(ackLevels)
    // One that was accepted without a place and is repeated may be refused by what it does not know of yet.
    const hasIds = random.chance(0.6) && !(mode === 'shared' && ack !== 'pushed')
    const first = random.pick(STREAMS)
    const streams = random.chance(0.2)
      ? [first, random.pick(STREAMS.filter((one) => one !== first))]
      : [first]
    let number = 0
    const appends = streams.map((stream) => ({
      stream,
      expectedVersion: this.#expectation(stream),
      events: Array.from({ length: 1 + random.below(3) }, () => this.#event(token, number++, hasIds)),
    }))
    if (!random.chance(0.2)) return { token, appends, ack }
    const after = Math.max(0, this.#options.log.status().positions.journal - random.below(3))
    const query = { tags: [random.pick(TAGS)], types: [random.pick(TYPES)] }
    return { token, appends, ack, condition: { query, after } }
  }

  #event(token: string, number: number, hasId: boolean): OperationEvent {
    const { random, fillerLength = 200 } = this.#options
    return {
      type: random.pick(TYPES),
      tags: random.chance(0.5) ? [random.pick(TAGS)] : [],
      ...(hasId && { id: `${token}-${number}` }),
      data: { token, number, filler: 'x'.repeat(random.below(fillerLength)) },
    }
  }

  #expectation(stream: string): ExpectedVersion {
    const { random, log } = this.#options
    const version = log.state(tallies).get(stream)?.version ?? 0
    if (random.chance(0.5)) return 'any'
    if (random.chance(0.1)) return random.pick(['no-stream', 'stream-exists'])
    return random.chance(0.1) ? version + 1 : version
  }
}

function acknowledged(log: WorkloadLog, result: AppendResult | ProvisionalResult): Outcome {
  if ('isProvisional' in result) return { kind: 'accepted' }
  const { firstPosition, position, streams } = result
  const seen = log.state(tallies).get(streams[0]!.stream)?.version ?? 0
  return { kind: 'acknowledged', result: { firstPosition, position, streams }, seen }
}

function failed(error: unknown): Outcome {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  if (REJECTIONS.includes(code)) return { kind: 'rejected', code }
  return STORED.includes(code) ? { kind: 'stored', code } : { kind: 'unknown', code }
}
