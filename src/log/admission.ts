/**
 * Lets tasks run one after the other in the order in which they came, each once the log is ready for it.
 * A task runs in the same turn in which the log was found ready, so nothing can come in between.
 */
export class Admission {
  private readonly waiting: Waiting[] = []
  private isAdmitting = false
  private admitting: Promise<void> = Promise.resolve()

  /**
   * @param prepare   begins what stands in the way, or returns undefined when nothing does; it throws or
   *   rejects when nothing may be admitted. `isFresh` is true when asked for the first time for a group.
   */
  constructor(private readonly prepare: (isFresh: boolean) => Promise<void> | undefined) {}

  /**
   * Runs the task with its request now where the log is ready for it, else in its turn. Two parts rather than
   * a closure: in the usual case nothing has to outlive the call.
   */
  enter<Request, Result>(task: (request: Request) => Promise<Result>, request: Request): Promise<Result> {
    const preparation = this.isAdmitting ? undefined : this.prepare(true)
    if (!this.isAdmitting && preparation === undefined) return task(request)
    return this.wait(task, request, preparation)
  }

  /** Resolves when all that wait now have been let in, or refused. */
  whenLetIn(): Promise<void> {
    return this.admitting
  }

  private wait<Request, Result>(
    task: (request: Request) => Promise<Result>,
    request: Request,
    preparation: Promise<void> | undefined,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(task(request))
        } catch (error) {
          reject(error)
        }
      }
      this.waiting.push({ run, reject })
      if (!this.isAdmitting) this.admitting = this.admit(preparation)
    })
  }

  /** @param first the preparation that the first task in line waits for */
  private async admit(first: Promise<void> | undefined): Promise<void> {
    this.isAdmitting = true
    let begun = first
    while (this.waiting.length > 0) {
      // Who comes while the log is being made ready may need more than those who came before.
      const { length } = this.waiting
      try {
        let preparation = begun ?? this.prepare(true)
        begun = undefined
        while (preparation !== undefined) {
          await preparation
          preparation = this.prepare(false)
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
