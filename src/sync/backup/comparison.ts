import { isDeepStrictEqual } from 'node:util'
import { ProjectionStoppedError } from '../../image/errors.ts'
import type { Projection } from '../../image/projection.ts'
import { eventLines } from '../../log/history.ts'
import type { Run } from '../../log/run.ts'

/** What a copy of a log holds otherwise than the log itself. */
export type Difference =
  | { readonly kind: 'log' | 'history' | 'beyond'; readonly message: string }
  | { readonly kind: 'event'; readonly message: string; readonly position: number }
  | { readonly kind: 'projection'; readonly message: string; readonly projection: string }

/** A projection of which nothing was compared, and the event at which it stopped. */
export interface NotCompared {
  readonly projection: string
  readonly position: number
  readonly message: string
}

/** Compares the stored lines of two logs, event by event, from the first one on. Undefined where all are equal. */
export async function compareEvents(
  live: AsyncIterable<Run>,
  copy: AsyncIterable<Run>,
): Promise<Difference | undefined> {
  const expected = eventLines(live, 1)
  let position = 0
  for await (const line of eventLines(copy, 1)) {
    position++
    const next = await expected.next()
    if (next.done === true || next.value !== line) {
      await expected.return(undefined)
      return { kind: 'event', message: `the event at position ${position} is another one`, position }
    }
  }
  if ((await expected.next()).done === true) return undefined
  await expected.return(undefined)
  return {
    kind: 'event',
    message: `the copy has no event at position ${position + 1}`,
    position: position + 1,
  }
}

/** States of projections, of a log or of its past. */
export interface States {
  state<State>(projection: Projection<State>): State
}

/** What came of comparing states. */
export interface ComparedStates {
  readonly differences: readonly Difference[]
  readonly notCompared: readonly NotCompared[]
}

/**
 * Compares the states of projections: the same values, in the same structures. Of one that stopped at the same
 * event in both there is nothing to compare.
 */
export function compareStates(
  projections: readonly Projection<unknown>[],
  live: States,
  copy: States,
): ComparedStates {
  const differences: Difference[] = []
  const notCompared: NotCompared[] = []
  for (const projection of projections) {
    const { name } = projection
    const [expected, found] = [outcomeOf(projection, live), outcomeOf(projection, copy)]
    if (!isDeepStrictEqual(expected, found)) {
      const message = `the state of the projection "${name}" is another one`
      differences.push({ kind: 'projection', message, projection: name })
    } else if ('stoppedAt' in expected) {
      const position = expected.stoppedAt
      const message = `the projection "${name}" stopped at position ${position} in the log and in the copy`
      notCompared.push({ projection: name, position, message })
    }
  }
  return { differences, notCompared }
}

/** Its state, or where it stopped: it has to stop at the same event. */
function outcomeOf(
  projection: Projection<unknown>,
  states: States,
): { readonly state: unknown } | { readonly stoppedAt: number } {
  try {
    return { state: states.state(projection) }
  } catch (error) {
    if (error instanceof ProjectionStoppedError) return { stoppedAt: error.position }
    throw error
  }
}
