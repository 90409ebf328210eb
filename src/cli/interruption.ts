import { InterruptedError, type OutputClosedError, type OutputFailedError } from './errors.ts'
import { exitCodeOf } from './exit-code.ts'

/** How long an interrupted command may take to end by itself: to seal what it has appended. */
const GRACE_MS = 5000

/**
 * Turns SIGINT, SIGTERM and SIGHUP (a terminal that was closed) into an aborted signal, so that a command can close its log. One that does not
 * end in time is ended, as is everything at the second signal: whatever was acknowledged is in the journal.
 *
 * running → interrupted: the signal is aborted → ended
 */
export class Interruption implements Disposable {
  private graceMs = GRACE_MS
  private readonly controller = new AbortController()
  private wasTold = false
  private hangUp: (() => void) | undefined
  private readonly handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    const handler = () => {
      if (name === 'SIGHUP' && this.hangUp !== undefined) this.hangUp()
      else this.interrupt(new InterruptedError(name))
    }
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

  /** Until it is disposed, SIGHUP does this, and does not end the command. */
  onHangUp(task: () => void): Disposable {
    this.hangUp = task
    return {
      [Symbol.dispose]: () => {
        this.hangUp = undefined
      },
    }
  }

  /** Ends the command because what it prints goes nowhere. */
  outputEnded(reason: OutputClosedError | OutputFailedError): void {
    this.controller.abort(reason)
  }

  [Symbol.dispose](): void {
    for (const { name, handler } of this.handlers) process.off(name, handler)
  }

  private interrupt(error: InterruptedError): void {
    if (this.wasTold) process.exit(exitCodeOf(error))
    // Not so where the output has ended: the terminal that it went to may be the one that was closed.
    this.wasTold = true
    this.controller.abort(error)
    setTimeout(() => process.exit(exitCodeOf(error)), this.graceMs).unref()
  }
}
