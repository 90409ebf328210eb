import { GitFailedError, RemoteFailedError } from './git-process-errors.ts'
import type { GitOutput, RunOptions } from './git-run.ts'
import { nameOf, type Remote } from './remote.ts'
import { checkRemoteAddress } from './remote-address.ts'
import { mayHaveArrived, remedyFor, remoteFailure } from './remote-failure.ts'
import { loginFor } from './remote-login.ts'
import { GitRunner, type GitRunnerOptions } from './runner.ts'
import { progressParser, type TransferProgress } from './transfer-progress.ts'

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  /** How long the remote may stay silent, in milliseconds. Default: 120,000. */
  readonly timeoutMs?: number | undefined
}

// The address goes to git as the setting of a remote of our own: no setting that the user has for a remote of
// the same name applies.
export const ALIAS = 'memoir-remote'

/** What git said before it failed; nothing where it was not git that failed. */
export function errorOutput(error: unknown): string {
  return error instanceof RemoteFailedError && error.cause instanceof GitFailedError ? error.cause.stderr : ''
}

/** Runs git with a remote, as whoever its address says. @throws InvalidRemoteError */
export function runnerFor(
  { address }: Remote,
  { timeoutMs = 120_000 }: TransferOptions,
  {
    environment,
    settings,
    repository,
  }: Pick<GitRunnerOptions, 'repository' | 'settings' | 'environment'> = {},
): GitRunner {
  const isPlain = checkRemoteAddress(address) === 'http'
  const login = loginFor(address)
  return new GitRunner({
    ...(repository && { repository }),
    configuration: 'user',
    settings: {
      ...settings,
      ...login.settings,
      [`remote.${ALIAS}.url`]: login.address,
      // A git that outlives us has to end by itself. It gives us time to be first, who can say why.
      'http.lowSpeedLimit': '1',
      'http.lowSpeedTime': String(Math.ceil(timeoutMs / 1000) + 1),
    },
    environment: {
      ...environment,
      ...login.environment,
      ...(isPlain && { GIT_ALLOW_PROTOCOL: 'http:https' }),
    },
    timeoutMs,
  })
}

/**
 * Runs a git that talks to a remote.
 *
 * @throws RemoteFailedError, GitMissingError, the signal's reason, and what `onOutput` throws
 */
export async function transfer(
  runner: GitRunner,
  remote: Remote,
  args: readonly string[],
  { onProgress, signal }: TransferOptions,
  onOutput?: RunOptions['onOutput'],
): Promise<GitOutput> {
  try {
    return await runner.run(args, { signal, onMessage: onProgress && progressParser(onProgress), onOutput })
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error
    // Of the ends of git only that of a silent one comes with a hint.
    const wasSilent = error.exitCode === null && error.hint !== undefined
    const kind = wasSilent ? 'network' : remoteFailure(error.stderr)
    throw new RemoteFailedError(nameOf(remote), kind, {
      mayHaveArrived: mayHaveArrived(error.stderr),
      cause: error,
      hint: error.hint ?? remedyFor(error.stderr),
    })
  }
}
