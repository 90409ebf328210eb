import { OtherLogError } from '../../log/errors.ts'
import { readLogId } from '../../log/log-repository.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { moveRef } from '../../log/ref-move.ts'
import { commitDistance } from '../../repository/commit-distance.ts'
import { syncPackNames } from '../../repository/durable-file.ts'
import { RefMovedError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import type { Manifest } from '../../repository/manifest.ts'
import { readRef } from '../../repository/refs.ts'
import { type FetchOptions, fetchBranch, type TransferOptions } from '../../repository/remote-transfer.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Clock } from '../../system/clock.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { HistoryForkedError, RemoteRewoundError, RemoteRewrittenError } from '../errors.ts'
import { checkLine } from '../line-check.ts'
import { holds } from './pin.ts'
import { factsOf, type Standing, standingOf } from './standing.ts'

/** Where what was fetched waits until it is checked. */
export const INCOMING = 'refs/memoir/incoming'

export interface Ports {
  readonly fileSystem: FileSystem
  readonly clock: Clock
}

/**
 * Fetches the branch from a remote, and lets it wait outside of our branches. Undefined if the remote has no
 * such branch.
 *
 * @throws RemoteFailedError, InvalidRemoteError, GitMissingError
 */
export async function fetchIncoming(
  { gitDirectory, workTree, branch }: Repository,
  remote: string,
  { fileSystem, clock }: Ports,
  options: FetchOptions = {},
): Promise<string | undefined> {
  const next = await fetchBranch({ gitDirectory, workTree }, remote, branch, options)
  const expected = await readRef(fileSystem, gitDirectory, INCOMING)
  if (next !== undefined && next !== expected) {
    await syncPackNames(fileSystem, gitDirectory)
    await moveRef(fileSystem, gitDirectory, INCOMING, { expected, next }, clock)
  }
  return next
}

/** How a commit of the remote stands to our branch, and by how many commits. */
export interface Comparison {
  readonly standing: Standing
  /** Where our branch was. */
  readonly local: string
  readonly onlyHere: number
  readonly onlyThere: number
}

/** @param known a commit that the remote had when it was last looked at */
export async function compare(
  { log, reader, runner }: OpenedLog,
  incoming: string,
  known: string | undefined,
): Promise<Comparison> {
  const local = log.state.branch.commit
  const distance = await commitDistance(reader, runner, local, incoming)
  const hasLost = distance.onlyLeft > 0 && known !== undefined && !(await holds(reader, incoming, known))
  const facts = factsOf(distance, hasLost)
  return { ...facts, standing: standingOf(facts), local }
}

/** @throws OtherLogError, and NotALogError, ManifestError … for a commit that holds none */
export async function checkSameLog(
  { manifest, reader }: { readonly manifest: Pick<Manifest, 'id'>; readonly reader: GitReader },
  incoming: string,
): Promise<void> {
  const id = await readLogId(incoming, reader)
  if (id !== manifest.id) throw new OtherLogError(incoming, manifest.id, id)
}

/**
 * Moves the branch to a commit that waits, if it continues the branch and all it brings is in order. What
 * is here already, or is behind it for commits of our own, changes nothing.
 *
 * @throws RemoteRewoundError, RemoteRewrittenError, HistoryForkedError
 * @throws RefMovedError when our branch was moved since it was compared, as by a seal
 * @throws what `checkLine` and `examine` throw for commits and events that do not fit; in each case the branch stays as it was
 */
export async function admit(
  opened: OpenedLog,
  incoming: string,
  { standing, local }: Comparison,
  { signal, onProgress }: TransferOptions = {},
): Promise<void> {
  const { log } = opened
  switch (standing) {
    case 'same':
    case 'ahead':
      await log.follower.catchUp()
      return
    case 'rewound':
      throw new RemoteRewoundError(local, incoming)
    case 'rewritten':
      await checkSameLog(opened, incoming)
      throw new RemoteRewrittenError(local, incoming)
    case 'forked':
      await checkSameLog(opened, incoming)
      throw new HistoryForkedError(local, incoming)
    case 'continues': {
      const { reader, manifest } = opened
      const before = log.state.branch
      if (before.commit !== local) throw new RefMovedError(opened.repository.branch, local, before.commit)
      const held = { logId: manifest.id, reader, source: log.source, signal, onProgress }
      await checkLine(incoming, { ...held, before })
      await log.follower.fastForward(incoming, local, { signal })
    }
  }
}
