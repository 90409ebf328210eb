import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { nodeFileSystem } from '../system/file-system.ts'
import { removeAbandonedFiles } from './abandoned-files.ts'
import { CLONE_SETTINGS, finishClone, replaceOrigin } from './creation.ts'
import { DiskFullError, NotARepositoryError } from './errors.ts'
import { PACKING_SETTINGS } from './git-environment.ts'
import { GitFailedError, RemoteFailedError } from './git-process-errors.ts'
import { ALIAS, errorOutput, runnerFor, type TransferOptions, transfer } from './git-transfer.ts'
import { removeStaleRefLock } from './ref-lock.ts'
import { validateRef } from './refs.ts'
import { BRANCHES, getRemote, nameOf, type Remote, remoteAt, trackingRefOf } from './remote.ts'
import { splitCredentials } from './remote-address.ts'
import { NO_GIT_REMEDY, SHALLOW_REMEDY } from './remote-failure.ts'
import type { RepositoryPaths } from './stand-in-directory.ts'

export type { TransferOptions } from './git-transfer.ts'

export interface FetchOptions extends TransferOptions {
  /** Whether the tracking ref of a remote with a name follows. Default: true. */
  readonly tracks?: boolean
  /** Whether it comes from where pushes go, which may be elsewhere. Default: false. */
  readonly whereItPushes?: boolean
}

/**
 * Clones a whole repository, which a shallow one is not, into a new or empty folder. Objects are copied, never linked, and checked as
 * they come, so that the clone is a backup.
 *
 * @throws InvalidRemoteError, RemoteFailedError, GitMissingError, DiskFullError, NotARepositoryError when the folder is taken
 */
export async function cloneRepository(
  address: string,
  path: string,
  options: TransferOptions & { readonly bare: boolean },
): Promise<void> {
  const remote = remoteAt(address, process.cwd())
  await using runner = runnerFor(remote, options)
  // Files are checked out once the log is opened, and its tree checked.
  const kind = options.bare ? ['--bare'] : ['--no-checkout']
  const args = [
    'clone',
    '--progress',
    '--no-local',
    '--reject-shallow',
    '--template=',
    '--origin=origin',
    ...CLONE_SETTINGS,
    ...kind,
  ]
  const { address: shown, credentials } = splitCredentials(remote.address)
  const target = resolve(path)
  try {
    await transfer(runner, remote, [...args, '--end-of-options', shown, target], options)
  } catch (error) {
    // Somebody else was first: what is there is theirs.
    if (/^fatal: destination path .* already exists and is not an empty directory/m.test(errorOutput(error)))
      throw new NotARepositoryError(target, 'it is not empty', { isTaken: true })
    // What the remote says of its own disk begins with "remote: ".
    if (/^(?!remote: ).*(?:No space left on device|Out of diskspace)/m.test(errorOutput(error))) {
      throw new DiskFullError(target, { cause: error })
    }
    throw error
  }
  const gitDirectory = options.bare ? target : resolve(target, '.git')
  await finishClone(gitDirectory, nodeFileSystem)
  if (credentials !== undefined) await replaceOrigin(gitDirectory, remote.address, nodeFileSystem)
}

/**
 * Fetches a branch, by its full name such as `refs/heads/main`, and returns its commit; undefined if the
 * remote has no such branch.
 *
 * For a remote with a name, `refs/remotes/<name>/<branch>` follows as long as it is a fast-forward: where
 * history was rewritten it stays, and the commit that is returned is no descendant of it.
 *
 * @param remote the name of a configured remote, or an address
 * @throws InvalidRemoteError, RemoteFailedError, InvalidRefError, GitMissingError
 */
export async function fetchBranch(
  repository: RepositoryPaths,
  remote: string,
  branch: string,
  { tracks = true, whereItPushes = false, ...options }: FetchOptions = {},
): Promise<string | undefined> {
  validateRef(branch)
  const found = await getRemote(repository, remote, whereItPushes ? 'push' : 'fetch')
  await using runner = runnerFor(found, options, { repository, settings: FETCH_SETTINGS })
  const tracking = tracks ? trackingRef(found, branch) : undefined
  // Both are to be done before git begins, which would count as at work in the repository.
  await Promise.all([clearLeftovers(repository, tracking), runner.gitDirectory()])
  const refspec = tracking === undefined ? branch : `${branch}:${tracking}`
  const args = ['fetch', '--progress', '--no-tags', '--end-of-options', ALIAS, refspec]
  let said: string
  try {
    said = (await transfer(runner, found, args, options)).stderr
  } catch (error) {
    said = errorOutput(error)
    if (/^fatal: couldn't find remote ref/m.test(said)) {
      if ((await headOf(found, branch, options, repository)) === undefined) return undefined
      throw new RemoteFailedError(nameOf(found), 'network', { hint: NO_GIT_REMEDY })
    }
    // The rejected update is of our own tracking ref: the commit is here all the same.
    if (!/^ ! \[rejected\].*\(non-fast-forward\)$/m.test(said)) throw error
  }
  const fetched = await readFile(join((await runner.gitDirectory()) ?? '', 'FETCH_HEAD'), 'utf8')
  if (fetched !== '') return fetched.slice(0, OID_LENGTH)
  // Git warns, and is content: the history that it would have is cut off.
  const cause = new GitFailedError(args, 0, said)
  throw new RemoteFailedError(nameOf(found), 'unknown', { cause, hint: SHALLOW_REMEDY })
}

/**
 * The branch that a remote's HEAD names, such as `refs/heads/main`, if it is there; else its only branch.
 * Undefined if it has none, or several and none of them stands out.
 *
 * @throws InvalidRemoteError, RemoteFailedError, GitMissingError
 */
export async function findRemoteBranch(
  address: string,
  options: TransferOptions = {},
): Promise<string | undefined> {
  const remote = remoteAt(address, process.cwd())
  const lines = await listRefs(remote, ['HEAD', `${BRANCHES}*`], options)
  const head = lines.map((line) => /^ref: (\S+)\tHEAD$/.exec(line)?.[1]).find((name) => name !== undefined)
  const branches = lines.flatMap((line) => /^[0-9a-f]{40}\t(refs\/heads\/\S+)$/.exec(line)?.[1] ?? [])
  if (head !== undefined && branches.includes(head)) return head
  return branches.length === 1 ? branches[0] : undefined
}

/**
 * The commit at which a branch of a remote stands, by the branch's full name; undefined if there is no such
 * branch. Nothing is fetched. It asks where pushes go.
 *
 * @param remote the name of a configured remote, or an address
 * @throws InvalidRemoteError, RemoteFailedError, InvalidRefError, GitMissingError
 */
export async function findRemoteHead(
  repository: RepositoryPaths,
  remote: string,
  branch: string,
  options: TransferOptions = {},
): Promise<string | undefined> {
  validateRef(branch)
  const found = await getRemote(repository, remote, 'push')
  return headOf(found, branch, options, repository)
}

/**
 * Pushes a commit to a branch, by its full name, as a fast-forward, never with force. Resolves when the
 * remote has it. For a remote with a name, `refs/remotes/<name>/<branch>` follows.
 *
 * @param remote the name of a configured remote, or an address
 * @param options `commit` is what to push; default: what the branch of the same name is at. It goes only where
 *   the remote is at `expected`, if that is given, which it comes after; any older commit would do without it
 * @throws InvalidRemoteError, RemoteFailedError, InvalidRefError, GitMissingError; after anything but a
 *   RemoteFailedError that says no to `mayHaveArrived`, the remote may have the commit or not
 */
export async function pushBranch(
  repository: RepositoryPaths,
  remote: string,
  branch: string,
  options: TransferOptions & { readonly commit?: string; readonly expected?: string } = {},
): Promise<void> {
  validateRef(branch)
  const found = await getRemote(repository, remote, 'push')
  const tracking = trackingRef(found, branch)
  await clearLeftovers(repository, tracking)
  const settings = {
    ...PACKING_SETTINGS,
    ...(tracking !== undefined && { [`remote.${ALIAS}.fetch`]: `${branch}:${tracking}` }),
  }
  await using runner = runnerFor(found, options, { repository, settings })
  const { commit = branch, expected } = options
  const lease = expected === undefined ? [] : [`--force-with-lease=${branch}:${expected}`]
  const args = [
    'push',
    '--progress',
    '--no-verify',
    ...lease,
    '--end-of-options',
    ALIAS,
    `${commit}:${branch}`,
  ]
  await transfer(runner, found, args, options)
}

/** Git takes larger blobs through a small buffer instead of into memory: a remote may send any. */
const FETCH_SETTINGS = { 'core.bigFileThreshold': '16m' }
const OID_LENGTH = 40
/** Some 250,000 branches. */
const MOST_LISTED_BYTES = 16 << 20
const TOO_MANY_REFS = {
  said: 'lists more branches than anybody keeps beside a log',
  hint: 'Check its address, and who wrote these branches.',
}

function trackingRef({ name }: Remote, branch: string): string | undefined {
  return name && trackingRefOf(name, branch)
}

async function headOf(
  remote: Remote,
  branch: string,
  options: TransferOptions,
  repository: RepositoryPaths,
): Promise<string | undefined> {
  const lines = await listRefs(remote, [branch], options, repository)
  // Git takes the name for the end of one.
  return lines.find((line) => line.slice(OID_LENGTH + 1) === branch)?.slice(0, OID_LENGTH)
}

/**
 * What `git ls-remote` says of some refs, line by line.
 *
 * Over http, git takes an empty page, a line of anything, or an answer that was cut off in its headers, for an
 * empty repository (by its oldest protocol, plain files): a bad network would look like a host that has lost
 * everything. So a remote that shows nothing is asked once more, and whether it is a git that answers.
 *
 * @throws RemoteFailedError
 */
async function listRefs(
  remote: Remote,
  refs: readonly string[],
  options: TransferOptions,
  repository?: RepositoryPaths,
): Promise<readonly string[]> {
  const list = async (environment: Readonly<Record<string, string>> = {}) => {
    await using runner = runnerFor(remote, options, { environment, ...(repository && { repository }) })
    const args = ['ls-remote', '--symref', '--end-of-options', ALIAS, ...refs]
    const listed: Buffer[] = []
    let bytes = 0
    const { stderr } = await transfer(runner, remote, args, options, async (chunk) => {
      bytes += chunk.length
      if (bytes > MOST_LISTED_BYTES) throw new RemoteFailedError(nameOf(remote), 'unsound', TOO_MANY_REFS)
      listed.push(chunk)
    })
    return { lines: Buffer.concat(listed).toString('utf8').split('\n').slice(0, -1), stderr }
  }
  const { lines } = await list()
  if (lines.length > 0 || !/^https?:/i.test(remote.address)) return lines
  const second = await list({ GIT_TRACE_PACKET: '1' })
  const isGit = /packet: +\S+< /.test(second.stderr)
  if (!isGit) throw new RemoteFailedError(nameOf(remote), 'network', { hint: NO_GIT_REMEDY })
  return second.lines
}

/** What transfers that were cut or killed left here must neither stop this one nor pile up. */
async function clearLeftovers(
  { gitDirectory }: RepositoryPaths,
  tracking: string | undefined,
): Promise<void> {
  await removeAbandonedFiles(nodeFileSystem, gitDirectory)
  if (tracking !== undefined) await removeStaleRefLock(nodeFileSystem, gitDirectory, tracking)
}
