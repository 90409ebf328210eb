import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { onAbort } from '../system/on-abort.ts'
import { errorCode } from './durable-file.ts'
import { GitFailedError, GitMissingError } from './git-process-errors.ts'
import { stop } from './process-group.ts'
import { redactAddress } from './remote-address.ts'
import { withoutProgress } from './transfer-progress.ts'

export interface RunOptions {
  /** Goes to git's standard input, which is closed after it. An error of its own ends git, and is thrown. */
  readonly input?: Uint8Array | AsyncIterable<Uint8Array> | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Is given what git prints on standard error (progress, mostly) as it comes. An error of its own ends git, and is thrown. */
  readonly onMessage?: ((text: string) => void) | undefined
  /**
   * Takes what git prints on standard output as it comes, in place of `stdout`. Git waits for it. An error of
   * its own ends git, and is thrown.
   */
  readonly onOutput?: ((chunk: Buffer) => Promise<void>) | undefined
}

export interface GitOutput {
  readonly stdout: Buffer
  /** The last 64 KiB of it. */
  readonly stderr: string
}

interface End {
  /** Null when git was killed, or never ran. */
  readonly exitCode: number | null
  /** Why it could not be started. */
  readonly cause?: unknown
}

const MESSAGE_LIMIT = 64 << 10

/** A git that was just started, until it has ended: feeds it, takes what it prints, and stops it where need be. */
export class GitRun {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #args: readonly string[]
  readonly #options: RunOptions & { readonly timeoutMs: number }
  readonly #silence: NodeJS.Timeout
  #wasSilent = false
  readonly #output: Buffer[] = []
  /** Resolves when `onOutput` has taken all that came. */
  #taken = Promise.resolve()
  #messages = ''
  /** The first error of whoever gives the input or takes the output. */
  #failure: { readonly error: unknown } | undefined

  constructor(
    child: ChildProcessWithoutNullStreams,
    args: readonly string[],
    options: RunOptions & { readonly timeoutMs: number },
  ) {
    this.#child = child
    this.#args = args
    this.#options = options
    this.#silence = setTimeout(() => {
      this.#wasSilent = true
      stop(child)
    }, options.timeoutMs)
  }

  /**
   * Sees it to its end.
   *
   * @throws GitMissingError, GitFailedError, the signal's reason, and what the input, `onMessage` or `onOutput` threw
   */
  async finish(): Promise<GitOutput> {
    const { signal } = this.#options
    const abort = () => stop(this.#child)
    const stopListening = onAbort(signal, abort)
    if (signal?.aborted) abort()
    this.#takeOutput()
    this.#takeMessages()
    const ended = this.#ended()
    this.#giveInput()
    const end = await ended
    clearTimeout(this.#silence)
    stopListening()
    this.#child.stderr.destroy()
    return this.#judge(end)
  }

  #takeOutput(): void {
    const { stdout } = this.#child
    const { onOutput } = this.#options
    stdout.on('data', (chunk: Buffer) => {
      this.#silence.refresh()
      if (onOutput === undefined) {
        this.#output.push(chunk)
        return
      }
      // Node resumes the stream when git ends, so what the pipe held then comes all the same: in turn.
      stdout.pause()
      this.#taken = this.#taken.then(async () => {
        if (this.#failure === undefined) await onOutput(chunk).catch((error) => this.#fail(error))
        this.#silence.refresh()
        stdout.resume()
      })
    })
  }

  #takeMessages(): void {
    this.#child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString()
      // A remote decides how much is printed here.
      this.#messages = (this.#messages + text).slice(-MESSAGE_LIMIT)
      this.#silence.refresh()
      if (this.#failure !== undefined) return
      try {
        this.#options.onMessage?.(text)
      } catch (error) {
        this.#fail(error)
      }
    })
  }

  #giveInput(): void {
    const { stdin } = this.#child
    const { input } = this.#options
    stdin.on('error', () => {
      // Git ended before it read its input: its exit code says why.
    })
    if (input === undefined || input instanceof Uint8Array) stdin.end(input)
    else feed(stdin, input, () => this.#silence.refresh()).catch((error) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    stop(this.#child)
  }

  #ended(): Promise<End> {
    return new Promise((resolve) => {
      this.#child.once('error', (cause) => resolve({ exitCode: null, cause }))
      onceEnded(this.#child, (exitCode) => {
        void this.#taken.then(() => resolve({ exitCode: this.#wasSilent ? null : exitCode }))
      })
    })
  }

  #judge({ exitCode, cause }: End): GitOutput {
    const { signal, timeoutMs } = this.#options
    if (signal?.aborted) throw signal.reason
    if (this.#failure !== undefined) throw this.#failure.error
    if (errorCode(cause) === 'ENOENT') throw new GitMissingError({ cause })
    const stderr = redactAddress(withoutProgress(this.#messages))
    if (exitCode === 0) return { stdout: Buffer.concat(this.#output), stderr }
    const hint = `Git was silent for ${timeoutMs / 1000} s and was stopped. Check the network, or allow more time.`
    throw new GitFailedError(this.#args.map(redactAddress), exitCode, stderr, {
      ...(this.#wasSilent && { hint }),
      cause,
    })
  }
}

/** @throws what the input throws. That git reads no further is no error here: its exit code says why. */
async function feed(stdin: Writable, input: AsyncIterable<Uint8Array>, onFed: () => void): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  const fed = async function* () {
    try {
      for await (const chunk of input) {
        yield chunk
        onFed()
      }
    } catch (error) {
      failure = { error }
      throw error
    }
  }
  await pipeline(fed, stdin).catch(() => undefined)
  if (failure !== undefined) throw failure.error
}

/**
 * Git's end and the end of its output, both. A daemon that git started (an ssh master, a credential cache)
 * may hold standard error open for hours, so that one is given 100 ms.
 */
function onceEnded(child: ChildProcessWithoutNullStreams, done: (exitCode: number | null) => void): void {
  let timer: NodeJS.Timeout | undefined
  const check = () => {
    if (child.exitCode === null && child.signalCode === null) return
    if (child.stdout.readableEnded) timer ??= setTimeout(done, 100, child.exitCode)
  }
  child.once('exit', check)
  child.stdout.once('end', check)
  child.once('close', (exitCode) => {
    clearTimeout(timer)
    done(exitCode)
  })
}
