import { describe, expect, it } from 'vitest'
import { remoteFailure } from '../../src/repository/remote-failure.ts'

describe('remoteFailure', () => {
  it.each([
    [' ! [rejected]        main -> main (fetch first)', 'conflict'],
    [' ! [rejected]        main -> main (non-fast-forward)', 'conflict'],
    [' ! [remote rejected] main -> main (failed to update ref)', 'conflict'],
    ["error: cannot lock ref 'refs/heads/main': is at 1 but expected 2", 'conflict'],
    [' ! [remote rejected] main -> main (pre-receive hook declined)', 'refused'],
    ['remote: GH006: Protected branch update failed for refs/heads/main.', 'refused'],
    ['remote: fatal: pack exceeds maximum allowed size (2.00 GiB)', 'too-large'],
    ['remote: error: File a is 120.00 MB; this exceeds the file size limit of 100.00 MB', 'too-large'],
    ['error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413', 'too-large'],
    ["fatal: Authentication failed for 'https://example.com/a/'", 'auth'],
    ["fatal: could not read Username for 'https://example.com': terminal prompts disabled", 'auth'],
    ["fatal: unable to access 'https://example.com/': The requested URL returned error: 403", 'auth'],
    [
      'git@example.com: Permission denied (publickey).\nfatal: Could not read from remote repository.',
      'auth',
    ],
    ["fatal: unable to access 'https://x/': Could not resolve host: x", 'network'],
    ['ssh: connect to host x port 22: Connection refused', 'network'],
    ['fatal: the remote end hung up unexpectedly', 'network'],
    ["fatal: '/srv/none' does not appear to be a git repository", 'unknown'],
    ['', 'unknown'],
  ])('takes %j for %s', (stderr, kind) => {
    expect(remoteFailure(stderr)).toBe(kind)
  })
})
