/**
 * How far a transfer is, in git's own words: `Receiving objects`, `Resolving deltas`, `Writing objects` …; and, where what it
 * brings is checked, in ours: `Checking commits`, `Checking events`.
 */
export interface TransferProgress {
  readonly phase: string
  readonly percent: number
  readonly done: number
  readonly total: number
}

/** A consumer of what git prints with `--progress`, in pieces of any size. */
export function progressParser(report: (progress: TransferProgress) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split(/[\r\n]/)
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE)
    for (const line of lines) {
      const [, phase, percent, done, total] = PROGRESS.exec(line) ?? []
      if (phase === undefined) continue
      report({ phase, percent: Number(percent), done: Number(done), total: Number(total) })
    }
  }
}

/** Reports how far a phase of our own is, each percent as git does. */
export function reportPhase(
  phase: string,
  report: ((progress: TransferProgress) => void) | undefined,
): (done: number, total: number) => void {
  let last = -1
  return (done, total) => {
    const percent = Math.floor((100 * done) / total)
    if (percent === last) return
    last = percent
    report?.({ phase, percent, done, total })
  }
}

/** More is no progress: a remote that is reached by ssh prints what it likes, also without an end. */
const LONGEST_LINE = 1000
const PROGRESS = /^(?:remote: )?(\w[\w ]*): +(\d+)% \((\d+)\/(\d+)\)/

/** What git printed, without what it has overwritten itself: the last of what stood on each line. */
export function withoutProgress(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const end = line.endsWith('\r') ? line.length - 1 : line.length
      return line.slice(line.lastIndexOf('\r', end - 1) + 1, end)
    })
    .join('\n')
}
