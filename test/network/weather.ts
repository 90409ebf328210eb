import { setTimeout as pass } from 'node:timers/promises'
import type { Random } from '../crash/random.ts'
import type { Fault, FaultyProxy } from './faulty-proxy.ts'

/** How often each kind of failure came. */
export type WeatherReport = Record<Fault['kind'] | 'refusal' | 'delay' | 'calm', number>

/** Lets a network fail in all ways it can, one after the other, at random but repeatable bytes and lengths. */
export class Weather {
  readonly report: WeatherReport = { cut: 0, reset: 0, stall: 0, refusal: 0, delay: 0, calm: 0 }
  readonly #proxy: FaultyProxy
  readonly #random: Random
  readonly #over = new AbortController()
  #running: Promise<void> | undefined

  constructor(proxy: FaultyProxy, random: Random) {
    this.#proxy = proxy
    this.#random = random
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** From now on the network works. */
  async clear(): Promise<void> {
    this.#over.abort()
    await this.#running
    this.#calm()
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.#change()
      // A fault may come late, or never: the weather changes all the same.
      await pass(20 + this.#random.below(500), undefined, { signal: this.#over.signal }).catch(
        () => undefined,
      )
    }
  }

  #change(): void {
    const proxy = this.#proxy
    const random = this.#random
    this.#calm()
    const kind = random.pick(['cut', 'reset', 'stall', 'refusal', 'delay', 'calm'] as const)
    this.report[kind]++
    if (kind === 'calm') return
    if (kind === 'delay') proxy.delayMs = 200
    // Half of all connections.
    else if (kind === 'refusal') proxy.accepts = () => random.chance(0.5)
    else {
      const direction = random.pick(['up', 'down'] as const)
      proxy.plan({ direction, kind, afterBytes: random.below(4_000), isOnce: random.chance(0.5) })
    }
  }

  #calm(): void {
    this.#proxy.mend()
    this.#proxy.delayMs = 0
    this.#proxy.accepts = () => true
  }
}
