import { expect, it } from 'vitest'
import { replicaLine } from '../../src/cli/replica-text.ts'
import type { ReplicaState } from '../../src/sync/replica/replica-state.ts'

const state: ReplicaState = {
  remote: 'bank.git',
  phase: 'idle',
  lag: { events: undefined, commits: undefined, seconds: 60 },
  lastAnswer: undefined,
  nextLook: undefined,
  failures: 0,
  problem: undefined,
}
const answered = { ...state, lastAnswer: '2026-11-30T06:00:00.000Z' }

it.each([
  [state, '8 events, not compared yet, idle'],
  [answered, '8 events, behind, idle'],
  [{ ...answered, lag: { events: 1, commits: 1, seconds: 0 } }, '8 events, 1 event behind, idle'],
  [{ ...answered, lag: { events: 0, commits: 0, seconds: 0 } }, '8 events, up to date, idle'],
])('says how far a replica is behind, and nothing that is not known', (given, line) => {
  expect(replicaLine(8, given)).toBe(line)
})
