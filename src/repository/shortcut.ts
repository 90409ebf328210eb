/**
 * A quick way to objects that would be found on another one, too. What fails on it is as if it were not there. Where it
 * led to none a few times, it is only tried now and then: looking costs more than it finds.
 */
export class Shortcut {
  #misses = 0

  async take<Found>(find: () => Promise<Found | undefined>): Promise<Found | undefined> {
    if (this.#misses >= MISSES && this.#misses++ % LOOK_EVERY !== 0) return undefined
    const found = await find().catch(() => undefined)
    this.#misses = found === undefined ? this.#misses + 1 : 0
    return found
  }

  /** Says that the next object may well be found on it. */
  expectMore(): void {
    this.#misses = 0
  }
}

/** After so many objects that were not found, only every `LOOK_EVERY`th is looked for. */
const MISSES = 4
const LOOK_EVERY = 64
