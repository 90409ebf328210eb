import { basename, resolve } from 'node:path'
import { Assembly, type AssemblyOptions } from './assembly.ts'
import { checkOptionKinds, checkText } from './event/option-kinds.ts'
import { Exclusive } from './log/exclusive.ts'
import { logParts } from './log-parts.ts'
import { inNewFolder } from './new-folder.ts'
import { Log } from './opened-log.ts'
import type { OpenOptions, SharedOptions } from './options.ts'
import { checkOptions, OPEN_OPTIONS } from './options-check.ts'
import { portsOf } from './ports.ts'
import { shownAddress } from './repository/remote-address.ts'
import type { TransferOptions } from './repository/remote-transfer.ts'
import type { SharedLog } from './shared-log.ts'

/**
 * Opens the log at a path, and creates it, as a bare Git repository, where there is nothing yet.
 *
 * Takes the writer's lock (unless `readOnly`), recovers what the journal holds beyond the last commit, and
 * replays the events that no snapshot holds: about 4 µs an event.
 *
 * ```ts
 * await using log = await open('bank.git', { projections: [balances] })
 * ```
 *
 * @param path a bare repository, a clone with a work tree, an empty folder, or nothing yet
 * @throws LogLockedError while another writer has it open
 * @throws NotARepositoryError, UnsupportedRepositoryError, NotALogError, NewerFormatError, ManifestError,
 *   UnexpectedEntryError, InvalidBatchError for what is no log, or a damaged one
 * @throws LogDivergedError when the journal holds events that do not follow on the branch
 * @throws JournalCorruptError, PermissionDeniedError, DiskFullError, InvalidProjectionError
 */
export async function open(path: string, options?: OpenOptions): Promise<Log>
/**
 * Opens a log whose remote takes appends from any number of writers, each with a clone of its own: clones it
 * where there is nothing yet, and works on without the remote while it cannot be reached.
 *
 * ```ts
 * await using log = await open('seats.git', { remote: 'git@example.org:seats.git', mode: 'shared' })
 * ```
 *
 * @throws NotALogError, RemoteBranchMissingError when the remote holds no log, HistoryForkedError when the clone holds what
 *   does not continue it, RemoteFailedError when it cannot be cloned; and what opening any log throws
 */
export async function open(path: string, options: SharedOptions): Promise<SharedLog>
export async function open(
  path: string,
  options: OpenOptions | SharedOptions = {},
): Promise<Log | SharedLog> {
  checkText('open', 'the path of a log', path)
  checkOptions(options)
  if (options.mode === 'shared') {
    const { openShared } = await import('./shared-opening.ts')
    return openShared(path, options)
  }
  return openOwn(path, options)
}

async function openOwn(path: string, options: AssemblyOptions): Promise<Log> {
  const assembly = await Assembly.open(path, options)
  const { opened, pushers, longWork, ports, remote } = assembly
  const { log } = opened
  // One after the other: two gits that fetch at once are in each other's way.
  const pulls = new Exclusive()
  return new Log({
    ...logParts(assembly),
    push: async (target = remote, transfer) => {
      if (log.writer !== undefined) await log.seal()
      return pushers.push(target, transfer)
    },
    whenPushed: (transfer) => pushers.whenPushed(transfer),
    pull: (target = remote, transfer) =>
      longWork.run(transfer, (cutOff) =>
        pulls.run(async () => {
          cutOff.signal.throwIfAborted()
          const { pull } = await import('./sync/pull.ts')
          const pulled = await pull(opened, target, ports, cutOff)
          assembly.branchMoved()
          await pushers.seen(target, pulled.remoteCommit)
          return pulled
        }),
      ),
  })
}

/** How `clone` clones. */
export interface CloneOptions extends OpenOptions {
  /** Check the files out as well. Default: a bare repository. */
  readonly workTree?: boolean
  /** Told how far the transfer has come. */
  readonly onTransfer?: TransferOptions['onProgress']
}

/**
 * Clones a log and opens the clone: all history, all events, the state rebuilt.
 *
 * ```ts
 * await using log = await clone('https://example.org/bank.git', 'bank.git', { projections: [balances] })
 * ```
 *
 * @param address https, ssh or a path; credentials are those of the user's git
 * @param path a folder that does not exist, or is empty; default: the last part of the address
 * @throws RemoteFailedError, InvalidRemoteError, GitMissingError, NotARepositoryError when the path is taken,
 *   NotALogError for an empty repository, and whatever `open` throws: then nothing is left behind
 */
export async function clone(address: string, path?: string, given: CloneOptions = {}): Promise<Log> {
  checkText('clone', 'the address of a remote', address)
  if (path !== undefined) checkText('clone', 'a path to clone to', path)
  checkOptionKinds('clone', given, { ...OPEN_OPTIONS, ...CLONE })
  const { workTree = false, onTransfer, ...options } = given
  const { signal } = options
  checkOptions(options)
  const { fileSystem } = portsOf(options)
  const target = resolve(path ?? nameOf(address))
  return await inNewFolder(target, async () => {
    const { cloneLog } = await import('./sync/cloning.ts')
    await cloneLog(address, target, { bare: !workTree, signal, onProgress: onTransfer, fileSystem })
    return await openOwn(target, { ...options, isNew: true })
  })
}

/** What it has beside those of `open`. */
const CLONE = { workTree: 'truth', onTransfer: 'function' } as const

/** The folder that a clone goes to where none is named: the last part of the address. */
export function nameOf(address: string): string {
  return basename(
    shownAddress(address)
      .replace(/[/\\]+$/, '')
      .replace(/^.*:/, ''),
  )
}
