import { GitMissingError } from './git-process-errors.ts'
import { GitProcessReader } from './git-process-reader.ts'
import type { GitReader } from './git-reader.ts'
import { type GitRunner, isGitInstalled } from './runner.ts'

export interface OpenReaderOptions {
  readonly gitDirectory: string
  /** Works in the same repository; it stays the caller's to dispose. */
  readonly runner: GitRunner
  /** Default: `git` where it is installed, `isomorphic` elsewhere. */
  readonly engine?: 'git' | 'isomorphic' | undefined
  /** The largest content that is read, in bytes. Default: 100 MiB. */
  readonly limitBytes?: number | undefined
}

/**
 * Opens a reader of Git objects. Looks for git on the PATH, and starts it when it is needed.
 *
 * @throws GitMissingError if the engine `git` was asked for and is not installed
 */
export async function openReader(options: OpenReaderOptions): Promise<GitReader> {
  const { gitDirectory, runner, engine, limitBytes = 100 << 20 } = options
  if (engine !== 'isomorphic' && (await isGitInstalled())) {
    return new GitProcessReader(runner, gitDirectory, limitBytes)
  }
  if (engine === 'git') throw new GitMissingError()
  const { IsomorphicReader } = await import('./isomorphic-reader.ts')
  return new IsomorphicReader(gitDirectory, limitBytes)
}
