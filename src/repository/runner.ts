import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { delimiter, join, parse } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { nodeFileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import { type ConfigurationSource, type GitSettings, gitEnvironment } from './git-environment.ts'
import { GitFailedError, GitMissingError } from './git-process-errors.ts'
import { endWithUs, stop } from './process-group.ts'
import { redactAddress } from './remote-address.ts'
import { type RepositoryPaths, StandInDirectory } from './stand-in-directory.ts'
import { withoutProgress } from './transfer-progress.ts'

export interface GitRunnerOptions {
  /** The repository to work in. None for commands that need none, such as `clone`. */
  readonly repository?: RepositoryPaths
  /** `'user'` for commands that talk to a remote. Default: `'none'`. */
  readonly configuration?: ConfigurationSource
  /** Git configuration for all commands of this runner, stronger than any file. */
  readonly settings?: GitSettings
  /** Environment variables on top of ours. */
  readonly environment?: Readonly<Record<string, string>>
  /** How long git may stay silent, in milliseconds, before it is stopped. Default: 60,000. */
  readonly timeoutMs?: number
  /** For work that has time: git gives way to whatever else wants a processor. */
  readonly isLowPriority?: boolean
}

export interface RunOptions {
  /** Goes to git's standard input, which is closed after it. An error of its own ends git, and is thrown. */
  readonly input?: Uint8Array | AsyncIterable<Uint8Array> | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Is given what git prints on standard error (progress, mostly) as it comes. */
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

/**
 * The one place where git is started.
 *
 * Arguments go to git as they are, never through a shell: put `--end-of-options` before those that come
 * from outside. The environment is made from scratch (git-environment.ts), and a repository is reached
 * through a stand-in for its git directory (stand-in-directory.ts), so nothing that a repository holds can
 * make git run a program. Settings for remotes (`credential.helper`, `core.sshCommand`, `http.proxy`,
 * `url.*.insteadOf`) therefore have to stand in the user's configuration, not in the repository's.
 *
 * Git runs in a process group of its own: a terminal's Ctrl-C does not reach it, and stopping it stops its
 * helpers (ssh, index-pack) too. It ends with this process at the latest, unless that is killed. Starting git
 * costs 2 to 5 ms.
 */
export class GitRunner implements AsyncDisposable {
  readonly #options: GitRunnerOptions
  readonly #environment: Readonly<Record<string, string>>
  #standIn: Promise<StandInDirectory> | undefined

  constructor(options: GitRunnerOptions = {}) {
    this.#options = options
    this.#environment = {
      ...gitEnvironment(options.configuration ?? 'none', options.settings),
      ...options.environment,
    }
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs ?? 60_000
  }

  /**
   * Runs git to its end.
   *
   * @throws GitMissingError
   * @throws GitFailedError for every end but exit code 0: `exitCode` is null when git was killed
   */
  async run(args: readonly string[], options: RunOptions = {}): Promise<GitOutput> {
    options.signal?.throwIfAborted()
    const { timeoutMs = this.timeoutMs } = options
    return complete(await this.start(args), args, { ...options, timeoutMs })
  }

  /**
   * Starts git and leaves it to the caller, who has to listen to its `error` event and to stop it.
   *
   * @throws GitFailedError when there are no descriptors left for it
   */
  async start(args: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
    const standIn = await this.#getStandIn()
    const child = spawn('git', args, {
      // A folder that is there in any case: git would be taken for missing in one that is not.
      cwd: standIn?.path ?? ROOT,
      env: { ...this.#environment, ...standIn?.environment },
      detached: true,
      stdio: 'pipe',
      windowsHide: true,
    })
    if (child.stdin === undefined) throw await notStarted(child, args)
    endWithUs(child)
    if (this.#options.isLowPriority) giveWay(child)
    return child
  }

  /** The stand-in's path: where git leaves files such as FETCH_HEAD. */
  async gitDirectory(): Promise<string | undefined> {
    return (await this.#getStandIn())?.path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const standIn = this.#standIn
    this.#standIn = undefined
    await (await standIn)?.[Symbol.asyncDispose]()
  }

  async #getStandIn(): Promise<StandInDirectory | undefined> {
    const { repository } = this.#options
    if (repository === undefined) return undefined
    const current = this.#standIn
    const isGone = current !== undefined && !(await (await current).exists())
    if (isGone && this.#standIn === current) this.#standIn = undefined
    this.#standIn ??= StandInDirectory.create(repository).catch((error) => {
      this.#standIn = undefined
      throw error
    })
    return this.#standIn
  }
}

/** Whether there is a git on the PATH, without starting it. */
export async function isGitInstalled(): Promise<boolean> {
  const name = process.platform === 'win32' ? 'git.exe' : 'git'
  const directories = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '')
  const found = await Promise.all(
    directories.map((directory) => nodeFileSystem.stat(join(directory, name)).catch(() => undefined)),
  )
  return found.some((stats) => stats?.kind === 'file')
}

/** The version of the git that is on the PATH, such as `2.39.5`; undefined if there is none. Costs 2 ms. */
export async function findGitVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new GitRunner({ timeoutMs: 10_000 }).run(['--version'])
    return /\d+(\.\d+)+/.exec(stdout.toString())?.[0]
  } catch (error) {
    if (error instanceof GitMissingError) return undefined
    throw error
  }
}

/** Out of descriptors, Node starts no process, and gives one without streams, whose error nobody may miss. */
async function notStarted(child: ChildProcess, args: readonly string[]): Promise<GitFailedError> {
  const [cause] = await once(child, 'error')
  const hint = 'Close files, or allow this process more of them (ulimit -n).'
  return new GitFailedError(args.map(redactAddress), null, cause.message, { cause, hint })
}

function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended, or this system knows no priorities.
  }
}

const ROOT = parse(process.execPath).root
const MESSAGE_LIMIT = 64 << 10

type CompleteOptions = RunOptions & { readonly timeoutMs: number }

function complete(
  child: ChildProcessWithoutNullStreams,
  args: readonly string[],
  { input, signal, timeoutMs, onMessage, onOutput }: CompleteOptions,
): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    const output: Buffer[] = []
    let said = ''
    let hint: string | undefined

    const silence = setTimeout(() => {
      hint = `Git was silent for ${timeoutMs / 1000} s and was stopped. Check the network, or allow more time.`
      stop(child)
    }, timeoutMs)
    let taken = Promise.resolve()
    let failure: { readonly error: unknown } | undefined
    const fail = (error: unknown) => {
      failure ??= { error }
      stop(child)
    }
    const abort = () => stop(child)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()

    child.stdout.on('data', (chunk: Buffer) => {
      silence.refresh()
      if (onOutput === undefined) {
        output.push(chunk)
        return
      }
      // Node resumes the stream when git ends, so what the pipe held then comes all the same: in turn.
      child.stdout.pause()
      taken = taken.then(async () => {
        if (failure === undefined) await onOutput(chunk).catch(fail)
        silence.refresh()
        child.stdout.resume()
      })
    })
    child.stderr.on('data', (chunk: Buffer) => {
      const text = chunk.toString()
      // A remote decides how much is printed here.
      said = (said + text).slice(-MESSAGE_LIMIT)
      silence.refresh()
      onMessage?.(text)
    })

    const settle = (exitCode: number | null, cause?: unknown) => {
      clearTimeout(silence)
      signal?.removeEventListener('abort', abort)
      child.stderr.destroy()
      const stderr = redactAddress(withoutProgress(said))
      if (signal?.aborted) reject(signal.reason)
      else if (failure !== undefined) reject(failure.error)
      else if (errorCode(cause) === 'ENOENT') reject(new GitMissingError({ cause }))
      else if (exitCode === 0) resolve({ stdout: Buffer.concat(output), stderr })
      else
        reject(
          new GitFailedError(args.map(redactAddress), exitCode, stderr, { ...(hint && { hint }), cause }),
        )
    }
    child.once('error', (error) => settle(null, error))
    onceEnded(child, (exitCode) => {
      taken.then(() => settle(hint === undefined ? exitCode : null))
    })

    child.stdin.on('error', () => {
      // Git ended before it read its input: its exit code says why.
    })
    if (input === undefined || input instanceof Uint8Array) child.stdin.end(input)
    else feed(child.stdin, input, () => silence.refresh()).catch(fail)
  })
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
