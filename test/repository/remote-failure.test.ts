import { describe, expect, it } from 'vitest'
import { mayHaveArrived, remedyFor, remoteFailure } from '../../src/repository/remote-failure.ts'

describe('remoteFailure', () => {
  it.each([
    [' ! [rejected]        main -> main (fetch first)', 'conflict'],
    [' ! [rejected]        main -> main (non-fast-forward)', 'conflict'],
    [' ! [rejected]        main -> main (stale info)', 'conflict'],
    [' ! [remote rejected] main -> main (failed to update ref)', 'conflict'],
    [' ! [remote rejected] main -> main (atomic transaction failed)', 'conflict'],
    [" ! [remote rejected] main -> main (cannot lock ref 'refs/heads/main': is at 1)", 'conflict'],
    [
      "remote: error: cannot lock ref 'refs/heads/main': Unable to create '/main.lock': File exists.        \n ! [remote rejected] main -> main (failed to update ref)",
      'conflict',
    ],
    [
      "remote: error: cannot lock ref 'refs/heads/main': Unable to create '/main.lock': Permission denied        \n ! [remote rejected] main -> main (failed to update ref)",
      'refused',
    ],
    [
      'remote: error: cannot lock ref (fetch first)        \n ! [remote rejected] main -> main (pre-receive hook declined)',
      'refused',
    ],
    ['remote:  ! [rejected] main -> main (fetch first)', 'unknown'],
    [' ! [remote rejected] main -> main (branch is currently checked out)', 'refused'],
    [
      'remote: fatal: pack exceeds maximum allowed size        \n ! [remote rejected] main -> main (unpacker error)',
      'too-large',
    ],
    ["error: cannot lock ref 'refs/heads/main': is at 1 but expected 2", 'conflict'],
    [' ! [remote rejected] main -> main (pre-receive hook declined)', 'refused'],
    ['remote: GH006: Protected branch update failed for refs/heads/main.', 'refused'],
    ['remote: fatal: pack exceeds maximum allowed size (2.00 GiB)', 'too-large'],
    ['remote: error: File a is 120.00 MB; this exceeds the file size limit of 100.00 MB', 'too-large'],
    ['error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413', 'too-large'],
    [
      "fatal: unable to access 'https://example.com/': server certificate verification failed. CAfile: none CRLfile: none",
      'auth',
    ],
    [
      "fatal: unable to access 'https://example.com/': SSL certificate verification failed: certificate signer not trusted.",
      'auth',
    ],
    [
      "fatal: unable to access 'https://example.com/': SSL certificate OpenSSL verify result: self-signed certificate (18)",
      'auth',
    ],
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
    ['client_loop: send disconnect: Broken pipe\nfatal: Could not read from remote repository.', 'network'],
    ['Connection to 10.0.0.1 closed by remote host.', 'network'],
    ["fatal: expected 'acknowledgments'", 'network'],
    ['error: no DAV locking support on https://x/\nfatal: git-http-push failed', 'network'],
    ['error: Cannot access URL https://x/, return code 56\nfatal: git-http-push failed', 'network'],
    ['fatal: https://x/info/refs not valid: is this a git repository?', 'network'],
    ['fatal: error processing acks: 4', 'network'],
    ['fatal: protocol error: bad pack header', 'network'],
    ['remote: fatal: protocol error: said by a hook', 'unknown'],
    ["error: object 4d2f: hasDotgit: contains '.git'\nfatal: fsck error in packed object", 'unsound'],
    ['fatal: attempting to allocate 1073741825 over limit 1073741824', 'unsound'],
    ['remote: fatal: fsck error in packed object', 'unknown'],
    ["fatal: '/srv/none' does not appear to be a git repository", 'unknown'],
    [
      'remote: aborting due to possible repository corruption on the remote side.\nfatal: early EOF',
      'unknown',
    ],
    [
      "fatal: the receiving end does not support this repository's hash algorithm\nfatal: the remote end hung up unexpectedly",
      'refused',
    ],
    ['', 'unknown'],
  ])('takes %j for %s', (stderr, kind) => {
    expect(remoteFailure(stderr)).toBe(kind)
  })
})

describe('mayHaveArrived', () => {
  it.each([
    ['', true],
    ['send-pack: unexpected disconnect while reading sideband packet', true],
    ['error: RPC failed; curl 56 Recv failure: Connection reset by peer', true],
    ['fatal: the remote end hung up unexpectedly', true],
    [' ! [remote failure]   main -> main (remote failed to report status)', true],
    [' ! [rejected]        main -> main (fetch first)', false],
    [' ! [remote rejected] main -> main (pre-receive hook declined)', false],
    ['To /srv/log.git\n ! [remote rejected] main -> main (failed to update ref)', false],
    ['To https://x/log.git\n ! [remote rejected] main -> main (failed to update ref)', true],
    ['To https://x/log.git\n ! [remote rejected] main -> main (pre-receive hook declined)', false],
    ['To https://x/log.git\n ! [rejected] main -> main (stale info)', false],
    ["fatal: unable to access 'https://x/': Could not resolve host: x", false],
    ['ssh: connect to host x port 22: refused\nfatal: Could not read from remote repository.', false],
    ["fatal: Authentication failed for 'https://example.com/a/'", false],
    ['error: no DAV locking support on https://x/\nfatal: git-http-push failed', false],
    [
      "fatal: the receiving end does not support this repository's hash algorithm\nfatal: the remote end hung up unexpectedly",
      false,
    ],
    ['remote: fatal: unable to access that\nfatal: the remote end hung up unexpectedly', true],
  ])('after %j says %s', (stderr, expected) => {
    expect(mayHaveArrived(stderr)).toBe(expected)
  })
})

it('names the way out of what a remote refuses whose file system is read-only', () => {
  const stderr =
    'error: remote unpack failed: unable to create temporary object directory\nTo /r.git\n ! [remote rejected] main -> main (unpacker error)'
  expect(remoteFailure(stderr)).toBe('refused')
  expect(remedyFor(stderr)).toContain('read-only')
})

it.each([
  [' ! [rejected] a', ' (', ''],
  [' ! [remote rejected] main -> main (', ') (', 'x'],
  [' ! [rejected] a -> ', 'a ', ''],
  ['error: cannot lock ref ', ' is at ', ''],
  ["error: cannot lock ref '", "': is at ", ''],
  ['', 'To http:\n', ' ! [rejected] main -> main (fetch first)\n'],
  ['', "fatal: repository '", ''],
])('a remote that prints %j and then %j without an end holds nothing up', (start, again, end) => {
  const stderr = `${start}${again.repeat((1 << 20) / again.length)}${end}`
  const begun = performance.now()
  for (const look of [remoteFailure, mayHaveArrived, remedyFor]) look(stderr)
  expect(performance.now() - begun).toBeLessThan(2000)
})
