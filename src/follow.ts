import { resolve } from 'node:path'
import { Assembly } from './assembly.ts'
import { checkText } from './event/option-kinds.ts'
import { type FollowOptions, followSettings } from './follow-options.ts'
import { makeOwnDirectory } from './log/log-repository.ts'
import { WriterLock } from './log/writer-lock.ts'
import { logParts } from './log-parts.ts'
import { nameOf } from './memoir.ts'
import { inNewFolder } from './new-folder.ts'
import { portsOf } from './ports.ts'
import { Replica } from './replica.ts'
import { isUnfinished } from './repository/creation.ts'
import { findRepository } from './repository/location.ts'
import { readRef } from './repository/refs.ts'
import { addressOf } from './repository/remote.ts'
import type { Repository } from './repository/repository.ts'
import { createReplica, fetchFirst } from './sync/replica/creation.ts'
import { INCOMING } from './sync/replica/gate.ts'
import { checkPin, PinStore, stateDirectory } from './sync/replica/pin.ts'
import { ReplicaLoop } from './sync/replica/replica-loop.ts'

/**
 * Keeps a replica of a log up to date: a bare repository that is made by the first call, and a memory image of
 * its own. What the remote has more is fetched, checked, and taken in batch by batch. It is looked for on a
 * poll, when `poke()` is called, and, for a remote on this machine, as soon as it is there.
 *
 * Whatever the remote does, reads go on with the last good state; `status()` says what is wrong.
 *
 * One process at a time follows into a repository; others open it with `readOnly: true`.
 *
 * ```ts
 * await using replica = await follow('https://example.org/bank.git', 'replica.git', { projections: [balances] })
 * await replica.waitFor(120)
 * ```
 *
 * @param remote https, ssh or a path; credentials are those of the user's git
 * @param path the replica; default: the last part of the address
 * @throws RemoteFailedError, RemoteBranchMissingError, RemoteRewrittenError and what `admit` refuses when the
 *   replica has to be made first: then nothing is left behind
 * @throws ReplicaReplacedError when the repository is not the one that was last checked
 * @throws LogLockedError while another process follows into it, or writes to it
 * @throws GitMissingError, InvalidRemoteError, and what `open` throws
 */
export async function follow(remote: string, path?: string, options: FollowOptions = {}): Promise<Replica> {
  checkText('follow', 'the address of a remote', remote)
  if (path !== undefined) checkText('follow', 'the path of a replica', path)
  return openReplica(remote, path ?? nameOf(remote), options, 'follow')
}

/** Opens a replica to look at the history of its remote, and to accept it: it does not follow. */
export function openForRewrite(remote: string, path: string, options: FollowOptions): Promise<Replica> {
  return openReplica(remote, path, options, 'rewrite')
}

type Purpose = 'follow' | 'rewrite'

async function openReplica(
  remote: string,
  path: string,
  options: FollowOptions,
  purpose: Purpose,
): Promise<Replica> {
  const { timeoutMs } = followSettings(options)
  const target = resolve(path)
  const { fileSystem } = portsOf(options)
  const repository = await findRepository(target, fileSystem)
  const address = await addressOf(repository, remote)
  if (repository !== undefined) return await openExisting(repository, address, options, purpose)
  const create = async () => {
    const { signal, onTransfer: onProgress } = options
    const created = await createReplica(target, address, fileSystem, { signal, onProgress, timeoutMs })
    return await openExisting(created, address, options, purpose, { isNew: true })
  }
  return await inNewFolder(target, create, (folder) => isUnfinished(folder, fileSystem))
}

/** Opens a replica whose repository is there, though its first fetch may still be to come. */
async function openExisting(
  repository: Repository,
  address: string,
  options: FollowOptions,
  purpose: Purpose,
  { isNew = false } = {},
): Promise<Replica> {
  const { objectBytes, timeoutMs, poll, fileEvents } = followSettings(options)
  const { onTransfer, signal } = options
  const { fileSystem, clock } = portsOf(options)
  const { gitDirectory, branch } = repository
  const pins = new PinStore(options.stateDirectory ?? stateDirectory(), fileSystem)
  const lock = await WriterLock.acquire(await makeOwnDirectory(repository, fileSystem), fileSystem, clock)
  let assembly: Assembly | undefined
  try {
    const pin = await pins.find(repository.path)
    const isEqual = (await readRef(fileSystem, gitDirectory, branch)) === undefined
    if (isEqual) {
      const transfer = { signal, onProgress: onTransfer, timeoutMs }
      await fetchFirst(repository, address, { fileSystem, clock, objectBytes, pin }, transfer)
    }
    assembly = await Assembly.open(repository.path, {
      ...options,
      limits: { objectBytes },
      readOnly: true,
      maintains: true,
      watch: false,
    })
    const { opened } = assembly
    const { commit } = opened.log.state.branch
    // What is new was held against the pin when it was fetched; it may be another log.
    if (purpose === 'follow' && !isNew) await checkPin(pin, opened)
    const waiting = await readRef(fileSystem, gitDirectory, INCOMING)
    const loop = new ReplicaLoop({
      opened,
      remote: address,
      fileSystem,
      clock,
      timeoutMs,
      poll,
      fileEvents,
      known: waiting === commit ? commit : (pin?.commit ?? commit),
      equalMs: pin?.equalMs,
      isEqual,
      chance: Math.random,
      notify: (notice) => assembly?.tell(notice),
      onMoved: () => assembly?.branchMoved(),
      pin: (next) => pins.set(next),
    })
    if (purpose === 'follow') loop.start()
    return new Replica({
      ...logParts(assembly),
      loop,
      close: closeAll(loop, assembly, lock),
    })
  } catch (error) {
    // What fails now is of less interest, and must not keep the lock.
    await assembly?.close().catch(() => undefined)
    await lock.release()
    throw error
  }
}

function closeAll(loop: ReplicaLoop, assembly: Assembly, lock: WriterLock): () => Promise<void> {
  let closing: Promise<void> | undefined
  const close = async () => {
    try {
      await loop.close()
      await assembly.close()
    } finally {
      await lock.release()
    }
  }
  return () => {
    closing ??= close()
    return closing
  }
}
