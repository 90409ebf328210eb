import { BatchSource } from '../../log/batch-source.ts'
import { examine } from '../../log/examination.ts'
import { LogIndex } from '../../log/log-index.ts'
import { readManifest } from '../../log/log-repository.ts'
import { moveRef } from '../../log/ref-move.ts'
import { createRepository } from '../../repository/creation.ts'
import { openReader } from '../../repository/open-reader.ts'
import { findRemoteBranch, type TransferOptions } from '../../repository/remote-transfer.ts'
import type { Repository } from '../../repository/repository.ts'
import { GitRunner } from '../../repository/runner.ts'
import { reportPhase } from '../../repository/transfer-progress.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { RemoteBranchMissingError, RemoteRewrittenError } from '../errors.ts'
import { checkLine } from '../line-check.ts'
import { fetchIncoming, type Ports } from './gate.ts'
import { holds, type Pin } from './pin.ts'

/**
 * Makes the repository of a replica: bare, with the branch that the remote has, and without a commit on it.
 *
 * @throws RemoteFailedError, RemoteBranchMissingError, NotARepositoryError
 */
export async function createReplica(
  path: string,
  remote: string,
  fileSystem: FileSystem,
  options: TransferOptions,
): Promise<Repository> {
  const ref = await findRemoteBranch(remote, options)
  if (ref === undefined) throw new RemoteBranchMissingError('of a log')
  return createRepository(path, fileSystem, { branch: ref.replace('refs/heads/', ''), origin: remote })
}

export interface FirstFetch extends Ports {
  /** The most bytes an object may have. */
  readonly objectBytes: number
  /** What is known of a replica that was at this path before. */
  readonly pin: Pin | undefined
}

/**
 * Fetches a whole log, and puts the branch there once all of it has been checked.
 *
 * @throws RemoteFailedError, RemoteBranchMissingError, and what `checkLine` and `examine` throw
 * @throws RemoteRewrittenError when an earlier replica of this log, at the same path, held what the remote
 *   does not hold now
 */
export async function fetchFirst(
  repository: Repository,
  remote: string,
  { objectBytes, pin, ...ports }: FirstFetch,
  options: TransferOptions,
): Promise<void> {
  const { gitDirectory, branch } = repository
  const next = await fetchIncoming(repository, remote, ports, { ...options, tracks: false })
  if (next === undefined) throw new RemoteBranchMissingError(branch)
  await using runner = new GitRunner({ repository })
  await using reader = await openReader({ gitDirectory, runner, engine: 'git', limitBytes: objectBytes })
  const { signal, onProgress } = options
  const held = { logId: undefined, reader, source: new BatchSource(reader), signal }
  await checkLine(next, { ...held, before: undefined, onProgress })
  const onChecked = reportPhase('Checking events', onProgress)
  const { after } = await examine(next, {
    ...held,
    branch: undefined,
    index: new LogIndex(),
    onProgress: onChecked,
  })
  if (pin !== undefined && pin.log === (await readManifest(after, reader)).id) {
    if (!(await holds(reader, next, pin.commit))) throw new RemoteRewrittenError(pin.commit, next)
  }
  const change = { expected: undefined, next }
  await moveRef(ports.fileSystem, gitDirectory, branch, change, ports.clock)
}
