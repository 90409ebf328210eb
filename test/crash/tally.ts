import { crc32 } from 'node:zlib'
import type { RecordedEvent } from '../../src/event/event.ts'
import { projection } from '../../src/image/projection.ts'

/** How far a stream is in the image: a digest of its events, which changes with their order. */
export interface Tally {
  readonly version: number
  readonly digest: number
}

export const TYPES = ['Opened', 'Changed', 'Closed'] as const

/** Takes every event of a run in: the image that is compared with a replay from scratch. */
export const tallies = projection({
  name: 'tallies',
  version: 1,
  init: () => new Map<string, Tally>(),
  when: Object.fromEntries(TYPES.map((type) => [type, takeIn])),
})

function takeIn(state: Map<string, Tally>, { stream, version, id, data, position }: RecordedEvent): void {
  const { digest = 0 } = state.get(stream) ?? {}
  state.set(stream, { version, digest: crc32(JSON.stringify([position, version, id, data]), digest) })
}

/** The same state made by hand. */
export function tally(events: Iterable<RecordedEvent>): Map<string, Tally> {
  const state = new Map<string, Tally>()
  for (const event of events) takeIn(state, event)
  return state
}
