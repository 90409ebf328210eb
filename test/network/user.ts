// A process that writes to a log, pushes it, and follows the remote, in a network namespace of its own: does what
// each line on stdin says, and answers with a line.
import { createInterface } from 'node:readline'
import { follow, open, RemoteFailedError } from '../../src/index.ts'
import { appendBytes } from './appending.ts'

/** What a user is started with, as JSON. */
export interface UserOrders {
  readonly log: string
  readonly replica: string
  readonly address: string
  /** How long a transfer may be silent. */
  readonly timeoutMs: number
}

export interface UserRequest {
  readonly action: 'append' | 'push' | 'catch up'
  readonly bytes?: number
}

export interface UserAnswer {
  /** The kind of a remote's failure; null where there was none. */
  readonly failure: string | null
  /** How many events the log and the replica hold. */
  readonly written: number
  readonly followed: number
}

const { log: path, replica: replicaPath, address, timeoutMs }: UserOrders = JSON.parse(process.argv[2] ?? '')
const log = await open(path, { remote: address })
await log.push()
const replica = await follow(address, replicaPath, {
  poll: { fastestMs: 50, slowestMs: 500 },
  timeoutMs,
  stateDirectory: `${replicaPath}.state`,
})

async function perform({ action, bytes = 1000 }: UserRequest): Promise<void> {
  switch (action) {
    case 'append':
      return appendBytes(log, bytes)
    case 'push':
      await log.push(undefined, { timeoutMs })
      return
    case 'catch up':
      replica.poke()
      return replica.waitFor(log.status().positions.branch)
  }
}

function answer(failure: string | null = null): void {
  const said: UserAnswer = { failure, written: log.status().events, followed: replica.status().events }
  console.log(JSON.stringify(said))
}

answer()
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await perform(JSON.parse(line))
    answer()
  } catch (error) {
    if (!(error instanceof RemoteFailedError)) throw error
    answer(error.kind)
  }
}
await replica.close()
await log.close()
