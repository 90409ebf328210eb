/** What a git that runs, and the remotes that it talks to, can do to us. */

import { MemoirError } from '../event/errors.ts'

/** A git process failed. `command` is free of credentials; `exitCode` is null for a killed process. */
export class GitFailedError extends MemoirError {
  readonly code = 'git-failed'

  constructor(
    readonly command: readonly string[],
    readonly exitCode: number | null,
    readonly stderr: string,
    details: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    const end = exitCode === null ? 'was killed' : `exited with ${exitCode}`
    const said = stderr.trim()
    super(`git ${command.join(' ')} ${end}${said === '' ? '' : `: ${said}`}`, details)
  }
}

/** There is no git binary to run. */
export class GitMissingError extends MemoirError {
  readonly code = 'git-missing'

  constructor(details: { readonly cause?: unknown } = {}) {
    super('git was not found', {
      ...details,
      hint: 'Install git, or open the log with engine: "isomorphic", which needs none.',
    })
  }
}

/** Why a remote did not do what it was asked. */
export type RemoteFailure = 'auth' | 'network' | 'conflict' | 'refused' | 'too-large' | 'unsound' | 'unknown'

const REMOTE_FAILURES: Record<RemoteFailure, { readonly said: string; readonly hint: string }> = {
  auth: {
    said: 'does not trust us, or we do not trust it',
    hint: 'Check the credential helper or SSH key for it.',
  },
  network: { said: 'cannot be reached', hint: 'Check the address and the network, then try again.' },
  conflict: {
    said: 'was changed by somebody else',
    hint: 'Try again. Never force the push: two processes that write to two copies of a log have to agree on one.',
  },
  refused: { said: 'refused the change', hint: 'Check its hooks and branch protection rules.' },
  'too-large': { said: 'found a push too large', hint: 'Push more often, or raise its limit.' },
  unsound: {
    said: 'sends what git refuses',
    hint: 'Run "git fsck" on the remote, and find out who wrote that. The cause holds what git said of it.',
  },
  unknown: { said: 'failed', hint: 'Check that its address is right; the cause holds all that git said.' },
}

/** A remote failed. `remote` is its name or address without credentials. */
export class RemoteFailedError extends MemoirError {
  readonly code = 'remote-failed'

  /** Whether a push may have arrived all the same: git ended before the remote had answered. */
  readonly mayHaveArrived: boolean

  constructor(
    readonly remote: string,
    readonly kind: RemoteFailure,
    {
      mayHaveArrived = false,
      cause,
      said = REMOTE_FAILURES[kind].said,
      hint = REMOTE_FAILURES[kind].hint,
    }: {
      readonly mayHaveArrived?: boolean
      /** What it did, where more is known than the kind. */
      readonly said?: string | undefined
      readonly hint?: string | undefined
      readonly cause?: unknown
    } = {},
  ) {
    super(`remote ${remote} ${said}${kind === 'unknown' ? lastWords(cause) : ''}`, { hint, cause })
    this.mayHaveArrived = mayHaveArrived
  }
}

/** What git ended with, where no words of ours are known to fit. */
function lastWords(cause: unknown): string {
  const said = cause instanceof GitFailedError ? cause.stderr : ''
  const words = (/^fatal: (.*)$/m.exec(said) ?? /^warning: (.*)$/m.exec(said))?.[1]
  return words === undefined ? '' : `: ${words}`
}
