import { Queue } from './queue.ts'

/** Runs no more than so many tasks at once, the others in the order in which they came. */
export class Slots {
  readonly #waiting = new Queue<() => void>()
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await task()
    } finally {
      // Whoever waits gets this slot; nobody who comes now is before them.
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  /** Runs the task for each item. After a failure, waits for what is under way and starts no more. */
  async forEach<Item>(items: Iterable<Item>, task: (item: Item) => Promise<void>): Promise<void> {
    let failed = false
    const runs = Array.from(items, (item) =>
      this.run(async () => {
        if (failed) return
        try {
          await task(item)
        } catch (error) {
          failed = true
          throw error
        }
      }),
    )
    const results = await Promise.allSettled(runs)
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) throw failure.reason
  }
}
