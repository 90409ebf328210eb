import { Pace } from '../../../src/sync/shared/pace.ts'
import { Random } from '../../crash/random.ts'

/** How long the parts of an attempt take on an idle machine, in milliseconds. */
export interface Costs {
  readonly fetch: number
  readonly push: number
  /** How many attempts at once the machine carries before all take longer. */
  readonly cores: number
}

export interface Simulated {
  /** Pushes that were taken, by writer. */
  readonly taken: readonly number[]
  readonly attempts: number
}

interface Writer {
  readonly pace: Pace
  phase: 'waiting' | 'fetching' | 'pushing'
  /** Work left in this phase, or time left to wait. */
  left: number
  mustFetch: boolean
  known: number
  wonAtHead: number
  begun: number
  taken: number
}

const STEP_MS = 1

/** Writers that always have something to push, over one remote, for a time in milliseconds. */
export function simulate(writers: number, durationMs: number, costs: Costs, seed: number): Simulated {
  const random = new Random(seed)
  const all = Array.from({ length: writers }, (): Writer => {
    const pace = new Pace()
    return {
      pace,
      phase: 'waiting',
      left: random.below(20),
      mustFetch: true,
      known: 0,
      wonAtHead: 0,
      begun: 0,
      taken: 0,
    }
  })
  let head = 0
  let attempts = 0
  for (let now = 0; now < durationMs; now += STEP_MS) {
    const active = all.filter(({ phase }) => phase !== 'waiting').length
    const speed = Math.min(1, costs.cores / active)
    for (const writer of all) {
      writer.left -= writer.phase === 'waiting' ? STEP_MS : STEP_MS * speed * (0.7 + 0.6 * random.fraction())
      if (writer.left > 0) continue
      switch (writer.phase) {
        case 'waiting':
          writer.begun = now
          attempts++
          start(writer)
          break
        case 'fetching':
          writer.mustFetch = false
          start(writer)
          break
        case 'pushing':
          if (writer.known === head) {
            const others = head - writer.wonAtHead
            head++
            writer.known = head
            writer.wonAtHead = head
            writer.taken++
            writer.pace.won(now, now - writer.begun, others)
            writer.mustFetch = writer.pace.hasOthers
          } else {
            writer.pace.loses(now - writer.begun)
            writer.mustFetch = true
          }
          writer.phase = 'waiting'
          writer.left = writer.pace.waitMs(random.fraction())
      }
    }
  }
  return { taken: all.map(({ taken }) => taken), attempts }

  function start(writer: Writer): void {
    writer.phase = writer.mustFetch ? 'fetching' : 'pushing'
    writer.left = writer.mustFetch ? costs.fetch : costs.push
    // A fetch sees the branch as it is when it begins.
    if (writer.mustFetch) writer.known = head
  }
}
