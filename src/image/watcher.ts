import { setTimeout as wait } from 'node:timers/promises'
import type { FSWatcher } from 'chokidar'
import { asError } from '../event/errors.ts'

export interface WatcherOptions {
  readonly repository: { readonly gitDirectory: string; readonly branch: string }
  /** How often to look where file events do not tell, in milliseconds. */
  readonly pollMs: number
  /** Compares the branch with what is held: it is asked far more often than there is something new. */
  readonly look: () => Promise<void>
  /** Told when file events cannot be had (polling goes on), and when a look failed; not the same twice in a row. */
  readonly onError: (error: Error) => void
  /** Default true; false leaves it to the poll, for file systems that send no events. */
  readonly fileEvents?: boolean
}

/** Loading chokidar and starting it takes 40 ms, which belong to the first reads of a log that was just opened. */
const FILE_EVENTS_AFTER_MS = 100

/**
 * Notices that somebody moved the branch. File events and the poll are hints, trusted for no more than
 * "look again": hints that come during a look lead to one more.
 *
 * created → watching → closed
 */
export class Watcher {
  private files: FSWatcher | undefined
  private timer: NodeJS.Timeout | undefined
  private looking: Promise<void> | undefined
  private shouldLookAgain = false
  private isClosed = false
  private lastProblem: string | undefined

  constructor(private readonly options: WatcherOptions) {}

  /** Starts; resolves when file events are in place, or are known not to come. Keeps no process alive. */
  async start(): Promise<void> {
    this.timer = setInterval(() => this.hint(), this.options.pollMs).unref()
    if (this.options.fileEvents !== false) await this.watchFiles()
    // What happened while it started sent no event.
    this.hint()
  }

  /** Stops, and waits for a look that is under way. */
  async close(): Promise<void> {
    this.isClosed = true
    clearInterval(this.timer)
    const closing = this.files?.close()
    // Closing takes the listeners away, and a file it was about to look at may still fail: nobody is to be told.
    this.files?.on('error', () => {})
    await closing
    await this.looking
  }

  /** Asks for a look. */
  hint(): void {
    if (this.isClosed) return
    if (this.looking !== undefined) this.shouldLookAgain = true
    else {
      this.looking = this.lookUntilQuiet().finally(() => {
        this.looking = undefined
      })
    }
  }

  private async lookUntilQuiet(): Promise<void> {
    do {
      this.shouldLookAgain = false
      try {
        await this.options.look()
        this.lastProblem = undefined
      } catch (error) {
        this.report(error)
      }
    } while (this.shouldLookAgain && !this.isClosed)
  }

  private async watchFiles(): Promise<void> {
    try {
      await wait(FILE_EVENTS_AFTER_MS, undefined, { ref: false })
      if (this.isClosed) return
      const { watch } = await import('chokidar')
      if (this.isClosed) return
      const { gitDirectory, branch } = this.options.repository
      const files = watch(gitDirectory, {
        // The file system's own events come at once; those that chokidar makes of them may wait.
        persistent: false,
        ignoreInitial: true,
        atomic: false,
        ignored: (path) => !mayTell(path.slice(gitDirectory.length + 1), branch),
      })
      this.files = files
      files.on('raw', () => this.hint())
      files.on('all', () => this.hint())
      await new Promise<void>((resolve) => {
        files.once('ready', resolve)
        files.on('error', (error) => {
          this.report(error)
          resolve()
        })
      })
    } catch (error) {
      this.report(error)
    }
  }

  private report(problem: unknown): void {
    const error = asError(problem)
    if (error.message === this.lastProblem) return
    this.lastProblem = error.message
    this.options.onError(error)
  }
}

/** Whether a change at a path in the git directory may mean that the branch moved. */
function mayTell(path: string, branch: string): boolean {
  return path === '' || path === 'HEAD' || path === 'packed-refs' || `${branch}/`.startsWith(`${path}/`)
}
