import { type CatFileAnswer, CatFileProcess, type Question } from './cat-file-process.ts'
import { GitFailedError, GitMissingError } from './git-process-errors.ts'
import { ReaderClosedError } from './git-reader.ts'
import { type HasRoom, NO_ROOM } from './room.ts'
import type { GitRunner } from './runner.ts'

/** `--batch` answers with contents, `--batch-check` with types and sizes only. */
export type CatFileMode = '--batch' | '--batch-check'

/**
 * A long-lived `git cat-file` that is asked by object id and answers in order.
 *
 * absent → (first question) running → (it ended) absent → … → closed
 *
 * Git ends by itself when it meets a corrupt object, and others may kill it. Questions that still wait are
 * then put to a new process; one that two processes died of fails. The process keeps the event loop alive
 * only while a question waits.
 */
export class CatFile implements AsyncDisposable {
  readonly #runner: GitRunner
  readonly #mode: CatFileMode
  readonly #limitBytes: number
  #process: Promise<CatFileProcess> | undefined
  #outbox: Question[] = []
  #isClosed = false

  constructor(runner: GitRunner, mode: CatFileMode, limitBytes: number) {
    this.#runner = runner
    this.#mode = mode
    this.#limitBytes = limitBytes
  }

  /** Whether a process is there, so that a question costs no start. */
  get isRunning(): boolean {
    return this.#process !== undefined
  }

  /**
   * Questions asked in one go travel in one write.
   *
   * @throws ObjectMissingError, ObjectTooLargeError, GitMissingError, ReaderClosedError
   * @throws GitFailedError when two processes died of this question
   */
  async ask(oid: string): Promise<CatFileAnswer> {
    // Whatever its size, there is room.
    return (await this.askIfRoom(oid, () => true)) as CatFileAnswer
  }

  /** As `ask`, but for an object that is found to have no room once its size is known. */
  askIfRoom(oid: string, hasRoom: HasRoom): Promise<CatFileAnswer | typeof NO_ROOM> {
    return new Promise((resolve, reject) => this.#enqueue([{ oid, hasRoom, resolve, reject, deaths: 0 }]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const process = await this.#process?.catch(() => undefined)
    await process?.close()
  }

  #enqueue(questions: readonly Question[]): void {
    if (this.#isClosed) {
      for (const question of questions) question.reject(new ReaderClosedError())
      return
    }
    if (questions.length === 0) return
    this.#outbox.push(...questions)
    if (this.#outbox.length === questions.length) queueMicrotask(() => void this.#send())
  }

  async #send(): Promise<void> {
    const questions = this.#outbox
    this.#outbox = []
    if (this.#isClosed) return this.#enqueue(questions)
    try {
      this.#process ??= this.#start()
      const process = await this.#process
      if (process.hasEnded || this.#isClosed) this.#enqueue(questions)
      else process.send(questions)
    } catch (error) {
      this.#process = undefined
      for (const question of questions) question.reject(error)
    }
  }

  async #start(): Promise<CatFileProcess> {
    const args = ['cat-file', this.#mode]
    const child = await this.#runner.start(args)
    return new CatFileProcess(child, {
      hasContent: this.#mode === '--batch',
      limitBytes: this.#limitBytes,
      timeoutMs: this.#runner.timeoutMs,
      onEnd: (unanswered, exitCode, reason) => {
        this.#process = undefined
        const again: Question[] = []
        for (const question of unanswered) {
          if (question.deaths === 2 || reason instanceof GitMissingError) {
            question.reject(reason instanceof Error ? reason : new GitFailedError(args, exitCode, reason))
          } else if (question.hasRoom(0)) again.push(question)
          // What finds no room ends the process, so that the next would end for each of these.
          else question.resolve(NO_ROOM)
        }
        this.#enqueue(again)
      },
    })
  }
}
