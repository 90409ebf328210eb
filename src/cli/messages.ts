import type { OutputStream } from './output.ts'
import { Progress } from './progress.ts'
import { printableLines } from './terminal-text.ts'

/** What is said to the person at the terminal, on standard error: never data. */
export class Messages {
  private readonly shown: Progress[] = []

  private isQuiet = false

  constructor(private readonly stream: OutputStream) {
    // Nobody listens: that must not end the work.
    stream.on('error', () => undefined)
  }

  /** From now on only what has to be known is said. */
  beQuiet(): void {
    this.isQuiet = true
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
    const progress = new Progress(label, this.isQuiet ? undefined : this.stream)
    this.shown.push(progress)
    return progress
  }

  private write(text: string): void {
    // What is said must not stand behind a bar.
    for (const progress of this.shown) progress.hide()
    this.stream.write(`${printableLines(text)}\n`)
  }
}
