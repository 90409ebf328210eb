// Prints how late a timer is while 1,024 appends are in flight: with the usual seals of a MiB, and with small ones
// while the log is folded again and again.
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'memoir'
import { IN_FLIGHT } from './append.ts'
import type { EventLoopInput, Lateness } from './event-loop.ts'
import { sampleEvents } from './sample-events.ts'
import { percentile } from './statistics.ts'
import { childInput, git } from './workspace.ts'

const { path, watchedMs } = childInput<EventLoopInput>()
const TIMER_MS = 10
const FOLD_EVERY_MS = 100
const EVENTS = sampleEvents(10_000, 1000)

async function watch(
  path: string,
  seal: { afterMs: number; maxBytes: number } | undefined,
): Promise<Lateness> {
  const log = await open(path, { ...(seal !== undefined && { seal }) })
  let isOver = false
  let next = 0
  const client = async () => {
    while (!isOver) {
      const { stream, event } = EVENTS[next++ % EVENTS.length]!
      await log.append(stream, [event])
    }
  }
  const folding = async () => {
    while (!isOver) {
      await log.fold()
      await delay(FOLD_EVERY_MS)
    }
  }
  const clients = Array.from({ length: IN_FLIGHT }, client)
  if (seal !== undefined) clients.push(folding())
  const late = await lateness()
  isOver = true
  await Promise.all(clients)
  await log.close()
  const count = (...args: readonly string[]) => Number(git(path, 'rev-list', '--count', ...args, 'main'))
  return {
    p99: percentile(late, 0.99),
    worst: Math.max(...late),
    commits: count(),
    folds: count('--grep=^Memoir-Kind: fold'),
  }
}

/** How late each of many timers in a row is, in milliseconds. */
function lateness(): Promise<number[]> {
  const late: number[] = []
  const end = performance.now() + watchedMs
  return new Promise((resolve) => {
    const wait = () => {
      const due = performance.now() + TIMER_MS
      setTimeout(() => {
        late.push(Math.max(0, performance.now() - due))
        if (performance.now() < end) wait()
        else resolve(late)
      }, TIMER_MS)
    }
    wait()
  })
}

const usual = await watch(`${path}-usual.git`, undefined)
const small = await watch(`${path}-small.git`, { afterMs: 1, maxBytes: 16 << 10 })
console.log(JSON.stringify([usual, small]))
