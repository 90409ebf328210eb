import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { delimiter, join, parse } from 'node:path'
import { nodeFileSystem } from '../system/file-system.ts'
import { type ConfigurationSource, type GitSettings, gitEnvironment } from './git-environment.ts'
import { GitFailedError, GitMissingError } from './git-process-errors.ts'
import { type GitOutput, GitRun, type RunOptions } from './git-run.ts'
import { endWithUs } from './process-group.ts'
import { redactAddress } from './remote-address.ts'
import { type RepositoryPaths, StandInDirectory } from './stand-in-directory.ts'

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
    return new GitRun(await this.start(args), args, { ...options, timeoutMs }).finish()
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
