import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { Socket } from 'node:net'
import { errorCode } from './durable-file.ts'
import { ObjectMissingError, ObjectTooLargeError } from './errors.ts'
import { GitMissingError } from './git-process-errors.ts'
import type { ObjectType } from './git-reader.ts'
import { objectHeader } from './object.ts'
import { stop } from './process-group.ts'
import { Queue } from './queue.ts'
import { type HasRoom, NO_ROOM } from './room.ts'

/** What git said about an object. */
export interface CatFileAnswer {
  readonly type: ObjectType
  readonly size: number
  /** The object's header and content in one piece, as git hashes them. Empty for `--batch-check`. */
  readonly framed: Buffer
}

export interface Question {
  readonly oid: string
  /** Asked when the size is known, and the content is about to come. */
  readonly hasRoom: HasRoom
  readonly resolve: (answer: CatFileAnswer | typeof NO_ROOM) => void
  readonly reject: (error: unknown) => void
  /** How many processes ended while this question was the one they worked on. */
  deaths: number
}

export interface CatFileProcessOptions {
  readonly hasContent: boolean
  readonly limitBytes: number
  /** How long the process may stay silent while a question waits. */
  readonly timeoutMs: number
  /** Is given the questions without an answer, the one that git worked on first, and what git printed. */
  readonly onEnd: (
    unanswered: readonly Question[],
    exitCode: number | null,
    reason: string | GitMissingError,
  ) => void
}

/** One process: writes questions, parses answers, and hands back what is not answered when it ends. */
export class CatFileProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #options: CatFileProcessOptions
  readonly #questions = new Queue<Question>()
  readonly #ended: Promise<void>
  #hasEnded = false
  /** Somebody waits for its end. */
  #isClosing = false
  #messages = ''
  /** The start of a header whose end has not come yet. */
  #line = ''
  /** The answer whose content is coming, and how much of its buffer is filled. */
  #answer: CatFileAnswer | undefined
  #filled = 0
  /** It was ended because of a content that is not wanted: no question is to blame. */
  #isCutShort = false
  #silence: NodeJS.Timeout | undefined

  constructor(child: ChildProcessWithoutNullStreams, options: CatFileProcessOptions) {
    this.#child = child
    this.#options = options
    this.#keepAlive(false)
    child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      this.#messages = (this.#messages + chunk.toString()).slice(-MESSAGE_LIMIT)
    })
    child.stdin.on('error', () => {
      // The process has ended: what it did not answer is handed back below.
    })
    this.#ended = new Promise((resolve) => {
      const end = (exitCode: number | null, reason: string | GitMissingError) => {
        if (this.#hasEnded) return
        this.#hasEnded = true
        clearTimeout(this.#silence)
        const first = this.#questions.peek()
        if (first !== undefined && !this.#isCutShort) first.deaths += 1
        options.onEnd(this.#questions.drain(), exitCode, reason)
        resolve()
      }
      child.once('error', (cause) => {
        end(null, errorCode(cause) === 'ENOENT' ? new GitMissingError({ cause }) : cause.message)
      })
      child.once('close', (exitCode) => end(exitCode, this.#messages))
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  send(questions: readonly Question[]): void {
    if (this.#questions.size === 0) this.#keepAlive(true)
    for (const question of questions) this.#questions.push(question)
    this.#child.stdin.write(questions.map(({ oid }) => `${oid}\n`).join(''), 'latin1')
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#keepAlive(true)
    stop(this.#child)
    await this.#ended
  }

  #take(chunk: Buffer): void {
    this.#silence?.refresh()
    for (let at = 0; at < chunk.length; ) {
      at =
        this.#answer === undefined ? this.#takeHeader(chunk, at) : this.#takeContent(chunk, at, this.#answer)
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at)
    if (end < 0) {
      this.#line += chunk.toString('latin1', at)
      return chunk.length
    }
    const line = this.#line + chunk.toString('latin1', at, end)
    this.#line = ''
    return this.#readHeader(line) ? end + 1 : chunk.length
  }

  /** Returns false when the rest of the output is of no use. */
  #readHeader(line: string): boolean {
    const [, oid, type, digits] = HEADER.exec(line) ?? []
    if (oid === undefined || oid !== this.#questions.peek()?.oid) return this.#abandon()
    const size = Number(digits)
    if (type === undefined) {
      this.#settle((question) => question.reject(new ObjectMissingError(oid)))
    } else if (!this.#options.hasContent) {
      this.#settle((question) => question.resolve({ type: type as ObjectType, size, framed: NOTHING }))
    } else if (size > this.#options.limitBytes) {
      this.#settle((question) =>
        question.reject(new ObjectTooLargeError(oid, size, this.#options.limitBytes)),
      )
      return this.#cutShort()
    } else if (this.#questions.peek()?.hasRoom(size) === false) {
      this.#settle((question) => question.resolve(NO_ROOM))
      return this.#cutShort()
    } else {
      // HEADER admits no type but the four.
      const header = objectHeader(type as ObjectType, size)
      const framed = Buffer.allocUnsafe(header.length + size + 1)
      this.#filled = header.copy(framed)
      this.#answer = { type: type as ObjectType, size, framed }
    }
    return true
  }

  /** Git ends each content with a line feed, which has a place at the end of the buffer. */
  #takeContent(chunk: Buffer, at: number, { type, size, framed }: CatFileAnswer): number {
    const end = Math.min(chunk.length, at + framed.length - this.#filled)
    chunk.copy(framed, this.#filled, at, end)
    this.#filled += end - at
    if (this.#filled === framed.length) {
      this.#answer = undefined
      this.#settle((question) => question.resolve({ type, size, framed: framed.subarray(0, -1) }))
    }
    return end
  }

  #settle(how: (question: Question) => void): void {
    const question = this.#questions.shift()
    if (question !== undefined) how(question)
    if (this.#questions.size === 0 && !this.#isClosing) this.#keepAlive(false)
  }

  /** A new process costs 3 ms, the content of a huge object seconds. */
  #cutShort(): false {
    this.#isCutShort = true
    return this.#abandon()
  }

  #abandon(): false {
    this.#child.stdout.removeAllListeners('data').resume()
    stop(this.#child)
    return false
  }

  #keepAlive(wanted: boolean): void {
    clearTimeout(this.#silence)
    if (wanted) this.#silence = setTimeout(() => stop(this.#child), this.#options.timeoutMs).unref()
    const { stdin, stdout, stderr } = this.#child
    for (const handle of [this.#child, stdin, stdout, stderr]) {
      // Pipes of a child process are sockets, which their declared types do not say.
      if (handle === this.#child || handle instanceof Socket) wanted ? handle.ref() : handle.unref()
    }
  }
}

const LF = 0x0a
const HEADER = /^([0-9a-f]{40}) (?:(blob|tree|commit|tag) (\d+)|(missing))$/
const NOTHING = Buffer.alloc(0)
const MESSAGE_LIMIT = 4096
