import type { RemoteFailure } from './git-process-errors.ts'

/**
 * What went wrong with a remote, from what git printed (with LC_ALL=C).
 *
 * Where the remote gave its answer, that decides. Lines that begin with `remote: ` are its own words, a
 * hook's for example, and can say anything: they never make a conflict.
 */
export function remoteFailure(stderr: string): RemoteFailure {
  const answer = rejection(stderr)
  if (answer === undefined) return find(WITHOUT_ANSWER, stderr) ?? 'unknown'
  if (CONFLICT.test(answer) && !BROKEN.test(stderr)) return 'conflict'
  return TOO_LARGE.test(stderr) ? 'too-large' : 'refused'
}

/**
 * Whether a push that failed may have changed the remote all the same: false where the remote said no, and
 * where git gave up before it sent anything.
 *
 * Over http the remote's "the branch is not there" proves nothing: when a connection breaks before the answer
 * comes, git's http library sends the push once more, and that is the answer to the second one.
 */
export function mayHaveArrived(stderr: string): boolean {
  const answer = rejection(stderr)
  if (answer !== undefined) return CONFLICT.test(answer) && isSentOverHttp(stderr)
  return !NOTHING_SENT.test(stderr) && !NO_GIT.test(stderr)
}

/** What to do about a failure, where git's words say more than their kind. */
export function remedyFor(stderr: string): string | undefined {
  return REMEDIES.find(([pattern]) => pattern.test(stderr))?.[1]
}

// No expression here may look at a text more than once for each of its lines: a remote prints what it likes, without an end.

/** The reason with which a ref was rejected, by the remote or by git here, such as `fetch first`. */
function rejection(stderr: string): string | undefined {
  return /^ ! \[(?:remote )?rejected\] +\S+ +-> +\S+ +\((.*)\)\s*$/m.exec(stderr)?.[1]
}

/** That the remote refused a push, not git here, which looks at the remote's refs before it sends one. */
function isSentOverHttp(stderr: string): boolean {
  return /^To https?:/m.test(stderr) && /^ ! \[remote rejected\]/m.test(stderr)
}

/** All words by which git says that the branch does not stand where this push saw it. */
const CONFLICT =
  /^(non-fast-forward|fetch first|stale info|needs force|failed to update ref|cannot lock ref|atomic (transaction|push) fail|reference already exists|incorrect old value provided)/

/** Why a remote cannot move any ref, whoever asks. */
const BROKEN =
  /Permission denied|No space left|Out of diskspace|Read-only file system|quota exceeded|Input\/output error/i

const TOO_LARGE =
  /returned error: 413|HTTP 413|exceeds .{0,200}(limit|maximum)|maximum allowed size|too large|large files? detected/i

/** What the libraries say that git can be built with: GnuTLS, OpenSSL, macOS, Windows. */
const UNTRUSTED =
  /certificate verification failed|SSL certificate (?:problem|OpenSSL verify)|certificate subject name|SEC_E_UNTRUSTED_ROOT/i

/**
 * Git's end where the answer was not a git's, but a page, or cut off before it said what it is: git then tries
 * its oldest protocol, plain files.
 */
const NO_GIT =
  /^error: (no DAV locking support|Cannot access URL )|info\/refs not valid: is this a git repository/m

/** What to do where something answers that is no git. */
export const NO_GIT_REMEDY = 'What answers there is not a git host: check the address, or try again later.'

/** What to do where the history of a remote is cut off. */
export const SHALLOW_REMEDY =
  'It is a shallow clone, which lacks the beginning of the log. Name a whole one, or run "git fetch --unshallow" there.'

/** How git there ends when its repository lacks an object, or something ended it. */
const BROKEN_THERE = /aborting due to possible repository corruption on the remote side/

const OTHER_HASH = /^fatal: the receiving end does not support this repository's hash algorithm/m

/** How git here ends when it will not have what was sent: its own check of objects, or a size beyond any use. */
const UNSOUND = /^fatal: (fsck error in packed object|attempting to allocate \d+ over limit)/m

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    UNTRUSTED,
    'Its certificate cannot be trusted. That of an authority of your own belongs into http.sslCAInfo of your git configuration.',
  ],
  [/Host key verification failed/i, 'Its host key is not known. Connect with ssh once, and compare the key.'],
  [
    /^fatal: repository '.*' not found|does not appear to be a git repository|Repository not found/m,
    'Check its address. A host can also hide a repository from those who may not read it.',
  ],
  [NO_GIT, NO_GIT_REMEDY],
  [
    /No space left on device|Out of diskspace/,
    'A disk is full, here or there: the cause says which. Make room.',
  ],
  [
    /unable to create temporary object directory|Read-only file system/,
    'It can store nothing there: its file system is read-only, or its folder belongs to somebody else.',
  ],
  [/source repository is shallow/, SHALLOW_REMEDY],
  [/shallow update not allowed/, 'The log here is a shallow clone: run "git fetch --unshallow" in it.'],
  [/branch is currently checked out/, 'Its branch is checked out there. Push to a bare repository.'],
  [OTHER_HASH, 'It is a SHA-256 repository. Push to one with SHA-1 objects.'],
  [BROKEN_THERE, 'Run "git fsck" there: objects may be missing or damaged. A clone of it has them.'],
  [/returned error: 429/, 'Too many requests came to it from here. Try again later.'],
  [/returned error: 5\d\d/, 'The host has trouble of its own. Try again later.'],
]

/** Git's end before the remote showed its refs: only after them does a push send anything. */
const NOTHING_SENT =
  /^fatal: (unable to access|Could not read from remote|Authentication failed|could not read (Username|Password)|repository '.*' not found|the remote end hung up upon initial contact|unable to find remote helper|the receiving end does not support|transport '.*' not allowed)/m

/** The order counts: git says "unable to access" for a refused password too. */
const WITHOUT_ANSWER: readonly (readonly [RemoteFailure, RegExp])[] = [
  ['conflict', /^error: cannot lock ref '[^'\n]*': is at .* but expected/m],
  ['unsound', UNSOUND],
  ['too-large', TOO_LARGE],
  ['unknown', BROKEN_THERE],
  ['refused', OTHER_HASH],
  ['refused', /protected branch|hook declined/i],
  [
    'auth',
    /Authentication failed|Permission denied|could not read (Username|Password)|Host key verification failed/i,
  ],
  ['auth', /returned error: 40[13]|HTTP Basic: Access denied/i],
  ['auth', UNTRUSTED],
  ['network', NO_GIT],
  [
    'network',
    /Could not resolve (host|proxy)|unable to (access|connect)|Failed to connect|Network is unreachable/i,
  ],
  ['network', /Connection (refused|timed out|reset|closed)|Operation timed out|No route to host/i],
  ['network', /^(client_loop|ssh_dispatch_run_fatal): |closed by remote host|not responding|Broken pipe/im],
  ['network', /early EOF|hung up unexpectedly|unexpected disconnect|RPC failed/i],
  // The end of what came, in the middle of a conversation.
  ['network', /^fatal: (expected |error processing acks|protocol error: )/m],
]

function find(table: typeof WITHOUT_ANSWER, stderr: string): RemoteFailure | undefined {
  return table.find(([, pattern]) => pattern.test(stderr))?.[0]
}
