interface Waiting {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A position that others wait for. */
export class Watermark {
  private waiting: Waiting[] = []
  private current = 0
  // Promises and file events do not keep Node running: a timer does, while somebody waits.
  private keepsRunning: NodeJS.Timeout | undefined

  get position(): number {
    return this.current
  }

  moveTo(position: number): void {
    this.current = position
    if (this.waiting.length === 0) return
    for (const { resolve } of this.remove((one) => one.position <= position)) resolve()
  }

  /** Resolves when the position is reached; rejects with the signal's reason when that comes first. */
  async reaches(position: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (position <= this.current) return
    await new Promise<void>((resolve, reject) => {
      const waiting = { position, resolve, reject }
      const abort = () => {
        this.remove((one) => one === waiting)
        reject(signal?.reason)
      }
      waiting.resolve = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.waiting.push(waiting)
      this.keepsRunning ??= setInterval(() => undefined, LONGEST_TIMER_MS)
    })
  }

  /** Rejects all who wait: the position will not come. */
  giveUp(reason: unknown): void {
    for (const { reject } of this.remove(() => true)) reject(reason)
  }

  private remove(isDone: (one: Waiting) => boolean): Waiting[] {
    const done = this.waiting.filter(isDone)
    this.waiting = this.waiting.filter((one) => !isDone(one))
    if (this.waiting.length === 0) {
      clearInterval(this.keepsRunning)
      this.keepsRunning = undefined
    }
    return done
  }
}
