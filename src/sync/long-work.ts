import { LogClosedError } from '../log/errors.ts'
import { abortable } from '../system/abortable.ts'

/** What is under way for users of an open log and takes long: pulls, backups, drills, verifications. */
export class LongWork {
  private readonly closing = new AbortController()
  private readonly tasks = new Set<Promise<unknown>>()

  /**
   * Runs a task with options whose signal is also aborted when the log is closed.
   *
   * @throws what the task throws, the signal's reason, and LogClosedError
   */
  async run<Options extends { readonly signal?: AbortSignal | undefined }, Result>(
    options: Options,
    task: (options: Options & { readonly signal: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    const { signal: closing } = this.closing
    const signal = options.signal === undefined ? closing : AbortSignal.any([closing, options.signal])
    signal.throwIfAborted()
    const running = task({ ...options, signal })
    this.tasks.add(running)
    const forget = () => this.tasks.delete(running)
    running.then(forget, forget)
    return abortable(running, signal)
  }

  /** Cuts off what is under way, so that nothing goes on after the log. Resolves when all of it has ended. */
  async close(): Promise<void> {
    this.closing.abort(new LogClosedError())
    await Promise.allSettled(this.tasks)
  }
}
