import { InterruptedError, type OutputClosedError, type OutputFailedError } from './errors.ts'
import { exitCodeOf } from './exit-code.ts'

/** How long an interrupted command may take to end by itself: to seal what it has appended. */
const GRACE_MS = 5000

/**
 * Turns SIGINT and SIGTERM into an aborted signal, so that a command can close its log. One that does not
 * end in time is ended, as is everything at the second signal: whatever was acknowledged is in the journal.
 *
 * running → interrupted: the signal is aborted → ended
 */
export class Interruption implements Disposable {
  private graceMs = GRACE_MS
  private readonly controller = new AbortController()
  private readonly handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => {
    const handler = () => this.interrupt(new InterruptedError(name))
    process.on(name, handler)
    return { name, handler }
  })

  /** Aborted with an InterruptedError, an OutputClosedError or an OutputFailedError. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** Lets what the command does at its end take so long beside that. */
  allowLonger(ms: number): void {
    this.graceMs = GRACE_MS + ms
  }

  /** Ends the command because what it prints goes nowhere. */
  outputEnded(reason: OutputClosedError | OutputFailedError): void {
    this.controller.abort(reason)
  }

  [Symbol.dispose](): void {
    for (const { name, handler } of this.handlers) process.off(name, handler)
  }

  private interrupt(error: InterruptedError): void {
    if (this.signal.aborted) process.exit(exitCodeOf(error))
    this.controller.abort(error)
    setTimeout(() => process.exit(exitCodeOf(error)), this.graceMs).unref()
  }
}
