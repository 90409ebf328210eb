import { GitMissingError } from './errors.ts'
import type { GitReader } from './git-reader.ts'
import { findGitVersion, type GitRunner } from './runner.ts'

export interface OpenReaderOptions {
  readonly gitDirectory: string
  /** Works in the same repository; it stays the caller's to dispose. */
  readonly runner: GitRunner
  /** Default: `git` where it is installed, `isomorphic` elsewhere. */
  readonly engine?: 'git' | 'isomorphic' | undefined
  /** The largest content that is read, in bytes. Default: 128 MiB. */
  readonly limitBytes?: number | undefined
}

/**
 * Opens a reader of Git objects. Finding out whether git is installed costs 3 ms, once.
 *
 * @throws GitMissingError if the engine `git` was asked for and is not installed
 */
export async function openReader(options: OpenReaderOptions): Promise<GitReader> {
  const { gitDirectory, runner, engine, limitBytes = 128 << 20 } = options
  if (engine !== 'isomorphic' && (await findGitVersion()) !== undefined) {
    const { GitProcessReader } = await import('./git-process-reader.ts')
    return new GitProcessReader(runner, limitBytes)
  }
  if (engine === 'git') throw new GitMissingError()
  const { IsomorphicReader } = await import('./isomorphic-reader.ts')
  return new IsomorphicReader(gitDirectory, limitBytes)
}
