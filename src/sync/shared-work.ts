import { onAbort } from '../system/on-abort.ts'

/** Work that several callers wait for. Each may give up for itself; with the last of them the work is cut off. */
export class SharedWork<Result> {
  private readonly stop = new AbortController()
  private readonly result: Promise<Result>
  private callers = 0
  /** Resolves when the work has come to an end of any kind. */
  readonly ended: Promise<void>

  constructor(work: (signal: AbortSignal) => Promise<Result>) {
    this.result = work(this.stop.signal)
    const end = () => undefined
    this.ended = this.result.then(end, end)
  }

  /** Whether it is being cut off: whoever comes now needs another one. */
  get isGivenUp(): boolean {
    return this.stop.signal.aborted
  }

  /** Waits for it. @throws what the work throws, and the signal's reason */
  join(signal: AbortSignal | undefined): Promise<Result> {
    this.callers++
    return new Promise((resolve, reject) => {
      const stopListening = onAbort(signal, () => {
        // The last one waits for the end, so that nothing goes on behind its back.
        if (--this.callers === 0) this.stop.abort(signal?.reason)
        else reject(signal?.reason)
      })
      void this.result.then(resolve, reject).finally(stopListening)
    })
  }
}
