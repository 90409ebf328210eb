/**
 * Lets tasks run one after the other in the order in which they came, each once the log is ready for it.
 * A task runs in the same turn in which the log was found ready, so nothing can come in between.
 */
export class Admission {
  private readonly waiting: Waiting[] = []
  private isAdmitting = false

  /**
   * @param prepare   begins what stands in the way, or returns undefined when nothing does; it throws or
   *   rejects when nothing may be admitted. `isFresh` is true when asked for the first time for a group.
   */
  constructor(private readonly prepare: (isFresh: boolean) => Promise<void> | undefined) {}

  enter<T>(task: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(task())
        } catch (error) {
          reject(error)
        }
      }
      this.waiting.push({ run, reject })
      if (!this.isAdmitting) void this.admit()
    })
  }

  private async admit(): Promise<void> {
    this.isAdmitting = true
    while (this.waiting.length > 0) {
      // Who comes while the log is being made ready may need more than those who came before.
      const { length } = this.waiting
      try {
        for (let isFresh = true; ; isFresh = false) {
          const preparation = this.prepare(isFresh)
          if (preparation === undefined) break
          await preparation
        }
        for (const { run } of this.waiting.splice(0, length)) run()
      } catch (error) {
        for (const { reject } of this.waiting.splice(0, length)) reject(error)
      }
    }
    this.isAdmitting = false
  }
}

interface Waiting {
  readonly run: () => void
  readonly reject: (error: unknown) => void
}
