import { readLogId } from '../../log/log-repository.ts'
import { ObjectMissingError } from '../../repository/errors.ts'
import { RemoteFailedError, type RemoteFailure } from '../../repository/git-process-errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import {
  fetchBranch,
  findRemoteHead,
  pushBranch,
  type TransferOptions,
} from '../../repository/remote-transfer.ts'
import type { Repository } from '../../repository/repository.ts'
import { KEEP_ONE } from '../errors.ts'
import type { RefusedHead } from '../refused-head.ts'

/** How a push ended, as far as can be found out. */
export type PushOutcome =
  /** The remote's branch holds the commit: it is at `head`, the commit itself or a later one. */
  | { readonly kind: 'pushed'; readonly head: string }
  /**
   * The remote's branch does not hold the commit, and no push that was begun can bring it there any more.
   * `head` is where it was seen, if anybody had to look; `isForked`: it holds commits that the pushed one
   * does not rest on, so no later push can bring it there either.
   */
  | {
      readonly kind: 'absent'
      readonly error: RemoteFailedError
      readonly head: string | undefined
      readonly isForked: boolean
    }
  /** It could not be found out: the commit may be there, or still arrive. */
  | { readonly kind: 'unknown'; readonly error: RemoteFailedError }

export interface PushParts {
  readonly repository: Repository
  readonly reader: GitReader
  readonly logId: string
  /** What git refused of the remote when an earlier push was looked for. */
  readonly refused: RefusedHead
}

const MOST_TRIES = 2

/**
 * Pushes a commit to the log's branch on a remote, fast-forward only, and finds out how it ended.
 *
 * pushing → pushed | absent | looking      looking → pushed | absent | unknown | pushing: once more
 *
 * A push that was cut is looked for. If the commit is not there but could still arrive, it is pushed again:
 * whichever of the two comes second finds the branch moved. A rejected push is looked for too, since somebody
 * may have pushed the same commit, and more.
 *
 * @param remote the name of a configured remote, or an address
 * @throws InvalidRemoteError, GitMissingError, and the signal's reason: then the outcome is unknown
 */
export async function pushCommit(
  parts: PushParts,
  remote: string,
  commit: string,
  options: TransferOptions = {},
): Promise<PushOutcome> {
  /** The failure of the last push that may arrive yet. */
  let doubt: RemoteFailedError | undefined
  try {
    for (let tries = 1; ; tries++) {
      const error = await tryPush(parts, remote, commit, options)
      if (error === undefined) return { kind: 'pushed', head: commit }
      if (error.mayHaveArrived) doubt = error
      if (doubt === undefined && error.kind !== 'conflict') {
        return { kind: 'absent', error, head: undefined, isForked: false }
      }
      const seen = await look(parts, remote, commit, options)
      if (seen === undefined) return { kind: 'unknown', error: found(error, error.kind, true) }
      const { head } = seen
      switch (seen.where) {
        case 'there':
          return { kind: 'pushed', head: seen.head }
        case 'elsewhere':
          return { kind: 'absent', error: await forked(parts, error, seen.head), head, isForked: true }
        case 'before':
          if (doubt === undefined) return { kind: 'absent', error: turnedAway(error), head, isForked: false }
          if (tries === MOST_TRIES || !error.mayHaveArrived) {
            return { kind: 'unknown', error: found(error, error.kind, true) }
          }
      }
    }
  } catch (cause) {
    // What fails here says nothing of a push that is on its way.
    if (doubt === undefined || options.signal?.aborted) throw cause
    return {
      kind: 'unknown',
      error: new RemoteFailedError(doubt.remote, doubt.kind, { mayHaveArrived: true, cause }),
    }
  }
}

async function tryPush(
  { repository }: PushParts,
  remote: string,
  commit: string,
  options: TransferOptions,
): Promise<RemoteFailedError | undefined> {
  try {
    await pushBranch(repository, remote, repository.branch, { ...options, commit })
    return undefined
  } catch (error) {
    if (error instanceof RemoteFailedError) return error
    throw error
  }
}

/** A failure with what was found out since. */
function found(error: RemoteFailedError, kind: RemoteFailure, mayHaveArrived: boolean): RemoteFailedError {
  const { remote, cause, hint } = error
  return kind === error.kind
    ? new RemoteFailedError(remote, kind, { mayHaveArrived, cause, ...(hint && { hint }) })
    : new RemoteFailedError(remote, kind, { mayHaveArrived, cause: error })
}

/** The failure of a push to a remote with commits that the pushed one does not rest on: no other push helps. */
async function forked(
  { reader, logId }: PushParts,
  error: RemoteFailedError,
  head: string,
): Promise<RemoteFailedError> {
  const id = await readLogId(head, reader).catch(() => undefined)
  const { said, hint } = id === logId ? FORKED : OTHER_LOG
  const cause = error.kind === 'conflict' ? error.cause : error
  return new RemoteFailedError(error.remote, 'conflict', { cause, said, hint })
}

/** The failure of a push that the remote turned away though its branch is where the pushed commit could follow. */
function turnedAway({ remote, kind, cause }: RemoteFailedError): RemoteFailedError {
  return new RemoteFailedError(remote, kind, { cause, ...BUSY })
}

const BUSY = {
  said: 'did not take the push, though its history is that of the log here',
  hint: 'Another git was at work there: try again. If that changes nothing, a git that was killed has left the lock of the branch, which the cause names: remove it there.',
}
const FORKED = {
  said: 'has another history than the log here',
  hint: `Two processes wrote to two copies of the log, or somebody rewrote one. Never force the push. ${KEEP_ONE}`,
}
const OTHER_LOG = {
  said: 'holds something else than this log',
  hint: 'Check its address: each log needs a repository of its own. Never force the push: what is there would be gone.',
}

type Sight =
  | { readonly where: 'there'; readonly head: string }
  /** Before the commit, so that a push of it would still be taken. */
  | { readonly where: 'before'; readonly head: string | undefined }
  | { readonly where: 'elsewhere'; readonly head: string }

/** Looks for a commit on the remote's branch; undefined if the remote does not say. */
async function look(
  { repository, reader, refused }: PushParts,
  remote: string,
  commit: string,
  options: TransferOptions,
): Promise<Sight | undefined> {
  try {
    const head = await findRemoteHead(repository, remote, repository.branch, options)
    if (head === undefined) return { where: 'before', head }
    const isHere = await isKnown(reader, head)
    const from = { ...options, whereItPushes: true }
    const fetch = () => fetchBranch(repository, remote, repository.branch, from)
    const known = isHere ? head : await refused.fetch(head, fetch)
    if (known === undefined) return { where: 'before', head: known }
    if (await reader.isAncestor(commit, known)) return { where: 'there', head: known }
    const isBefore = await reader.isAncestor(known, commit)
    return { where: isBefore ? 'before' : 'elsewhere', head: known }
  } catch (error) {
    if (error instanceof RemoteFailedError) return undefined
    throw error
  }
}

async function isKnown(reader: GitReader, commit: string): Promise<boolean> {
  try {
    await reader.read(commit)
    return true
  } catch (error) {
    if (error instanceof ObjectMissingError) return false
    throw error
  }
}
