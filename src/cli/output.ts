import { once } from 'node:events'
import type { WriteStream } from 'node:tty'
import { OutputClosedError } from './errors.ts'
import { jsonLine } from './terminal-text.ts'

/** How much is collected before it is written: a write for each line would cost a system call each. */
const PIECE = 1 << 16

/** Standard output, or what stands for it: a terminal, a pipe or a file. */
export type OutputStream = NodeJS.WritableStream &
  Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'hasColors'>>

/**
 * Where data goes: lines, written in large pieces, no faster than the reader takes them.
 */
export class Output {
  private text = ''
  private isClosed = false

  /** @param onClosed called when the reader goes away */
  constructor(
    private readonly stream: OutputStream,
    onClosed: () => void,
  ) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      this.isClosed = true
      onClosed()
    })
  }

  /** How many columns a line may take; undefined when it goes to no terminal, and is not cut. */
  get width(): number | undefined {
    return this.stream.isTTY ? (this.stream.columns ?? 80) : undefined
  }

  /** Less weight for what matters less, on terminals that can show it. */
  dim(text: string): string {
    const hasColors = this.stream.isTTY === true && this.stream.hasColors?.() === true
    return hasColors ? `\u001b[2m${text}\u001b[22m` : text
  }

  /** Writes a line. @throws OutputClosedError when nobody reads any more */
  async line(text: string): Promise<void> {
    this.text += `${text}\n`
    if (this.text.length >= PIECE) await this.flush()
  }

  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) await this.line(text)
  }

  /** Writes a value as one line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(jsonLine(value))
  }

  /** Hands on what was collected. @throws OutputClosedError */
  async flush(): Promise<void> {
    if (this.isClosed) throw new OutputClosedError()
    const { text } = this
    this.text = ''
    if (text === '' || this.stream.write(text)) return
    await once(this.stream, 'drain').catch(() => undefined)
  }
}
