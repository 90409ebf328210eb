import type { RemoteFailure } from './errors.ts'

/**
 * What went wrong with a remote, from what git printed (with LC_ALL=C). The order counts: git says "unable
 * to access" for a refused password too.
 */
export function remoteFailure(stderr: string): RemoteFailure {
  return FAILURES.find(([, pattern]) => pattern.test(stderr))?.[0] ?? 'unknown'
}

const FAILURES: readonly (readonly [RemoteFailure, RegExp])[] = [
  [
    'conflict',
    /\((non-fast-forward|fetch first|stale info|needs force|failed to update ref|reference already exists)\)/,
  ],
  ['conflict', /cannot lock ref|incorrect old value provided/],
  ['too-large', /returned error: 413|HTTP 413|exceeds .*(limit|maximum)|too large/i],
  ['refused', /\[remote rejected\]|\[rejected\]|protected branch|hook declined/i],
  [
    'auth',
    /Authentication failed|Permission denied|could not read (Username|Password)|Host key verification failed/i,
  ],
  ['auth', /returned error: 40[13]|HTTP Basic: Access denied/i],
  [
    'network',
    /Could not resolve (host|proxy)|unable to (access|connect)|Failed to connect|Network is unreachable/i,
  ],
  ['network', /Connection (refused|timed out|reset|closed)|Operation timed out|No route to host/i],
  ['network', /early EOF|hung up unexpectedly|unexpected disconnect/i],
]
