import type { OutputStream } from './output.ts'
import { Progress } from './progress.ts'
import { printableLines } from './terminal-text.ts'

/** What is said to the person at the terminal, on standard error: never data. */
export class Messages {
  constructor(
    private readonly stream: OutputStream,
    private readonly isQuiet: boolean,
  ) {
    // Nobody listens: that must not end the work.
    stream.on('error', () => undefined)
  }

  /** Says what was done; not with --quiet. */
  say(text: string): void {
    if (!this.isQuiet) this.write(text)
  }

  /** Says what has to be known, also with --quiet. */
  warn(text: string): void {
    this.write(text)
  }

  /** Shows how far a long piece of work is; not with --quiet. */
  progress(label: string): Progress {
    return new Progress(label, this.isQuiet ? undefined : this.stream)
  }

  private write(text: string): void {
    this.stream.write(`${printableLines(text)}\n`)
  }
}
