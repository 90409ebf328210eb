import type { ReplicaLag, ReplicaState } from '../sync/replica/replica-state.ts'
import { countOf } from './number-text.ts'
import { printable } from './terminal-text.ts'

/** How a replica stands, on one line. */
export function replicaLine(events: number, { phase, lag, lastAnswer, problem }: ReplicaState): string {
  const parts = [countOf(events, 'event'), standing(lag, lastAnswer), phase]
  return printable(`${parts.join(', ')}${problem === undefined ? '' : `: ${problem.message}`}`)
}

function standing({ events }: ReplicaLag, lastAnswer: string | undefined): string {
  if (events === 0) return 'up to date'
  if (events !== undefined) return `${countOf(events, 'event')} behind`
  return lastAnswer === undefined ? 'not compared yet' : 'behind'
}
