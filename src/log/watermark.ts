import { LONGEST_TIMER_MS } from '../system/clock.ts'
import { onAbort } from '../system/on-abort.ts'

interface Waiting {
  readonly isDone: (position: number, isSetBack: boolean) => boolean
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** A position that others wait for. */
export class Watermark {
  private waiting: Waiting[] = []
  private current = 0
  // Promises and file events do not keep Node running: a timer does, while somebody waits.
  private keepsRunning: NodeJS.Timeout | undefined
  /** Set once it moves no more. */
  private end: { readonly reason: unknown } | undefined

  get position(): number {
    return this.current
  }

  moveTo(position: number): void {
    this.put(position, false)
  }

  /** Moves to where another history begins, which may be where it stands: whoever waits for it to leave is told. */
  setBackTo(position: number): void {
    this.put(position, true)
  }

  /**
   * Resolves when the position is reached; rejects with the signal's reason when that comes first, and with that of
   * `giveUp` when it will not come.
   */
  reaches(position: number, signal?: AbortSignal): Promise<void> {
    return this.until((current) => position <= current, signal)
  }

  /** Resolves when it stands elsewhere, or was set back, be it to where it stood; rejects as `reaches`. */
  leaves(position: number, signal?: AbortSignal): Promise<void> {
    return this.until((current, isSetBack) => isSetBack || current !== position, signal)
  }

  /** Rejects all who wait, and who come to wait later: it moves no more. */
  giveUp(reason: unknown): void {
    this.end = { reason }
    for (const { reject } of this.remove(() => true)) reject(reason)
  }

  private put(position: number, isSetBack: boolean): void {
    this.current = position
    if (this.waiting.length === 0) return
    for (const { resolve } of this.remove(({ isDone }) => isDone(position, isSetBack))) resolve()
  }

  private async until(isDone: Waiting['isDone'], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (isDone(this.current, false)) return
    if (this.end !== undefined) throw this.end.reason
    let stopListening = () => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting = { isDone, resolve, reject }
        stopListening = onAbort(signal, () => {
          this.remove((one) => one === waiting)
          reject(signal?.reason)
        })
        this.waiting.push(waiting)
        this.keepsRunning ??= setInterval(() => undefined, LONGEST_TIMER_MS)
      })
    } finally {
      stopListening()
    }
  }

  private remove(isGone: (one: Waiting) => boolean): Waiting[] {
    const gone = this.waiting.filter(isGone)
    this.waiting = this.waiting.filter((one) => !isGone(one))
    if (this.waiting.length === 0) {
      clearInterval(this.keepsRunning)
      this.keepsRunning = undefined
    }
    return gone
  }
}
