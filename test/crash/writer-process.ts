import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { HistoryRecord, Operation } from './history.ts'
import { testProgram } from './program.ts'
import type { WriterMessage, WriterOrders } from './writer.ts'

/** How a writer ended. */
export interface WriterEnd {
  readonly records: readonly HistoryRecord[]
  readonly state: 'ready' | 'open' | 'done'
  /** The code of the error that it could not go on with. */
  readonly failed: string | undefined
  readonly signal: NodeJS.Signals | null
  /** How many objects it packed. */
  readonly maintained: number
}

export interface WriterStart {
  readonly unsettled?: readonly Operation[]
  readonly environment?: Readonly<Record<string, string>>
  /** Called for each message with the number of records so far; it may end the process. */
  readonly onMessage?: (child: ChildProcess, records: number) => void
  /** Called for each record of the history. */
  readonly onRecord?: (record: HistoryRecord) => void
  readonly onSpawn?: (child: ChildProcess) => void
  /** Lets it begin; default: at once. */
  readonly go?: Promise<void>
  /** Called once it has nothing left to do but to begin. */
  readonly onReady?: (child: ChildProcess) => void
  /** Called each time that it has maintained its repository. */
  readonly onMaintained?: (child: ChildProcess) => void
  /** When it is ended by force, since it hangs. Default 60 s. */
  readonly limitMs?: number
}

/** Runs a writer in a process of its own until it ends. @throws when it takes too long */
export async function runWriter(orders: WriterOrders, start: WriterStart = {}): Promise<WriterEnd> {
  const {
    unsettled = [],
    environment = {},
    onMessage,
    onRecord,
    onSpawn,
    onReady,
    onMaintained,
    go,
    limitMs = 60_000,
  } = start
  const child = spawn(process.execPath, [testProgram('crash/writer'), JSON.stringify(orders)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const exit = once(child, 'close')
  let isLate = false
  const limit = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, limitMs)
  onSpawn?.(child)
  // A writer that was ended at once reads nothing.
  child.stdin.on('error', () => undefined)
  void Promise.resolve(go).then(() => child.stdin.end(JSON.stringify(unsettled)))
  const records: HistoryRecord[] = []
  let state: WriterEnd['state'] = 'ready'
  let failed: string | undefined
  let maintained = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const message = parse(line)
    if (message === undefined) break
    if ('state' in message) {
      state = message.state
      if (state === 'ready') onReady?.(child)
    }
    if ('maintained' in message) {
      maintained += message.maintained
      onMaintained?.(child)
    }
    if ('failed' in message) failed = message.failed
    if ('begun' in message || 'ended' in message) {
      records.push(message)
      onRecord?.(message)
    }
    onMessage?.(child, records.length)
  }
  await exit
  clearTimeout(limit)
  if (isLate) throw new Error(`the writer did not end within ${limitMs} ms`)
  return { records, state, failed, signal: child.signalCode, maintained }
}

/** Undefined for a line that was cut off. */
function parse(line: string): WriterMessage | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
