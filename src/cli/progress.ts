import { formatCount, formatRate } from './number-text.ts'
import { columnsOf, type OutputStream } from './output.ts'
import { cutTo } from './terminal-text.ts'

/** Work that takes less shows nothing. */
const SILENT_MS = 1000
/** How often a terminal's line is drawn anew, and how often a line is added to anything else. */
const TERMINAL_MS = 100
const OTHER_MS = 5000
const BAR = 20

/** How far something is. */
export interface Extent {
  readonly done: number
  /** Unknown for a pipe. */
  readonly total?: number | undefined
  /** What is counted: `events`. */
  readonly unit?: string
  /** In place of the label, where the work has phases. */
  readonly label?: string
}

/**
 * Shows how far work is: on a terminal a bar that is drawn in place and removed at the end, else a line now
 * and then. Nothing for work that takes less than a second.
 */
export class Progress implements Disposable {
  private readonly start: number
  private last: number
  private isShown = false

  constructor(
    private readonly label: string,
    private readonly stream: OutputStream | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.start = now()
    this.last = this.start + SILENT_MS - OTHER_MS
  }

  /** Costs a look at the clock unless it is time to show something. */
  update(extent: Extent): void {
    const { stream } = this
    if (stream === undefined) return
    const now = this.now()
    const isTerminal = stream.isTTY === true
    if (now - this.start < SILENT_MS || now - this.last < (isTerminal ? TERMINAL_MS : OTHER_MS)) return
    this.last = now
    const text = progressText(this.label, extent, (now - this.start) / 1000, isTerminal)
    this.isShown = true
    stream.write(isTerminal ? `\r${cutTo(columnsOf(stream) - 1, text)}\u001b[K` : `${text}\n`)
  }

  /** Removes the bar from a terminal, until it is drawn anew. */
  hide(): void {
    if (this.isShown && this.stream?.isTTY) this.stream.write('\r\u001b[K')
    this.isShown = false
  }

  [Symbol.dispose](): void {
    this.hide()
  }
}

/** A line that says how far something is, after some seconds; with a bar for terminals. */
export function progressText(label: string, extent: Extent, seconds: number, hasBar: boolean): string {
  const { done, total, unit = '' } = extent
  const name = extent.label ?? label
  const of = total === undefined ? '' : ` of ${formatCount(total)}`
  const counted = `${formatCount(done)}${of}${unit && ` ${unit}`}`
  const rate = unit === '' ? '' : `, ${formatRate(done, seconds)}`
  if (total === undefined || total === 0) return `${name}  ${counted}${rate}`
  const part = Math.min(1, done / total)
  const filled = Math.round(part * BAR)
  const bar = hasBar ? `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ` : ''
  return `${name}  ${bar}${String(Math.floor(part * 100)).padStart(3)} %  ${counted}${rate}`
}
