import type { ReplicaState } from '../sync/replica/replica-state.ts'
import { countOf } from './progress.ts'
import { printable } from './terminal-text.ts'

/** How a replica stands, on one line. */
export function replicaLine(events: number, { phase, lag, problem }: ReplicaState): string {
  const behind = lag.events === undefined ? 'behind' : `${countOf(lag.events, 'event')} behind`
  const isBehind = lag.events !== 0
  const parts = [countOf(events, 'event'), isBehind ? behind : 'up to date', phase]
  return printable(`${parts.join(', ')}${problem === undefined ? '' : `: ${problem.message}`}`)
}
