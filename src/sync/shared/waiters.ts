import { onAbort } from '../../system/on-abort.ts'

/** Somebody who waits for a state that some round brings about. */
interface Waiter {
  readonly isDone: () => boolean
  readonly needsLook: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Those who wait for what a round of a shared log brings about, or for why it does not. */
export class Waiters {
  private waiting: Waiter[] = []
  /** Those of them who wait since before this round began. */
  private asked: Waiter[] = []

  get isEmpty(): boolean {
    return this.waiting.length === 0
  }

  /** Whether one of them wants to know what the remote has now. */
  get needLook(): boolean {
    return this.waiting.some(({ needsLook }) => needsLook)
  }

  /**
   * Resolves after the round that brings the state about.
   *
   * @throws what the next round fails with, and the signal's reason
   */
  async add(isDone: () => boolean, needsLook: boolean, signal?: AbortSignal): Promise<void> {
    let stopListening = () => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { isDone, needsLook, resolve, reject }
        stopListening = onAbort(signal, () => {
          this.waiting = this.waiting.filter((other) => other !== waiter)
          reject(signal?.reason)
        })
        this.waiting.push(waiter)
      })
    } finally {
      stopListening()
    }
  }

  roundBegins(): void {
    this.asked = [...this.waiting]
  }

  /** Answers those whose state has come about. */
  answer(): void {
    const answered = this.waiting.filter(({ isDone }) => isDone())
    this.waiting = this.waiting.filter((waiter) => !answered.includes(waiter))
    for (const { resolve } of answered) resolve()
  }

  /** Whoever asked after the round had begun has the next one, unless the round got as far as that. */
  roundFailed(error: Error): void {
    this.answer()
    const failed = this.waiting.filter((waiter) => this.asked.includes(waiter))
    this.waiting = this.waiting.filter((waiter) => !failed.includes(waiter))
    this.asked = []
    for (const { reject } of failed) reject(error)
  }

  /** No other round comes. */
  giveUp(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
