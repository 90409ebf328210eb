import type { WriteStream } from 'node:tty'
import { OutputClosedError, OutputFailedError } from './errors.ts'
import { jsonLine } from './terminal-text.ts'

/** How much is collected before it is written: a write for each line would cost a system call each. */
const PIECE = 1 << 16

/** Standard output, or what stands for it: a terminal, a pipe or a file. */
export type OutputStream = NodeJS.WritableStream &
  Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'hasColors'>>

/** How wide a terminal is. Some say 0: that they do not know. */
export function columnsOf({ columns }: OutputStream): number {
  return columns || 80
}

/**
 * Where data goes: lines, written in large pieces, no faster than the reader takes them.
 */
export class Output {
  private text = ''
  private end: OutputClosedError | OutputFailedError | undefined
  private impatience: { readonly reason: unknown } | undefined
  private wake: () => void = () => undefined

  /** @param onEnd called when the reader goes away, or nothing can be written any more */
  constructor(
    private readonly stream: OutputStream,
    private readonly onEnd: (reason: OutputClosedError | OutputFailedError) => void,
  ) {
    stream.on('error', (error) => this.fail(error))
  }

  /** How many columns a line may take; undefined when it goes to no terminal, and is not cut. */
  get width(): number | undefined {
    return this.stream.isTTY ? columnsOf(this.stream) : undefined
  }

  /** Less weight for what matters less, on terminals that can show it. */
  dim(text: string): string {
    const hasColors = this.stream.isTTY === true && this.stream.hasColors?.() === true
    return hasColors ? `\u001b[2m${text}\u001b[22m` : text
  }

  /** Collects a text, to be written with what comes next. */
  add(text: string): void {
    this.text += text
  }

  /** Writes a line. @throws OutputClosedError when nobody reads any more; OutputFailedError */
  async line(text: string): Promise<void> {
    this.add(`${text}\n`)
    if (this.text.length >= PIECE) await this.flush()
  }

  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) await this.line(text)
  }

  /** Writes a value as one line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(jsonLine(value))
  }

  /**
   * Hands on what was collected, and waits until it is taken.
   *
   * @throws OutputClosedError, OutputFailedError, and what `giveUp` was given
   */
  async flush(): Promise<void> {
    const { text, end } = this
    if (end !== undefined) throw end
    this.text = ''
    if (text === '') return
    let isTaken = false
    await new Promise<void>((resolve) => {
      this.wake = resolve
      this.stream.write(text, (error) => {
        if (error) return this.fail(error)
        isTaken = true
        resolve()
      })
      // A reader that takes it at once is heard of before.
      if (this.impatience !== undefined) setImmediate(resolve)
    })
    // A reader that has gone is told with the next piece: this one may have been all it wanted.
    if (this.end instanceof OutputFailedError) throw this.end
    if (this.impatience !== undefined && !isTaken) throw this.impatience.reason
  }

  /** From now on nobody waits for a reader that takes nothing: who does, or would, gets the reason. */
  giveUp(reason: unknown): void {
    this.impatience = { reason }
    this.wake()
  }

  private fail(error: NodeJS.ErrnoException): void {
    if (this.end === undefined) {
      this.end = error.code === 'EPIPE' ? new OutputClosedError() : new OutputFailedError(error)
      this.onEnd(this.end)
    }
    this.wake()
  }
}
