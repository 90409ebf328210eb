import { setTimeout as wait } from 'node:timers/promises'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { syncPackNames } from '../../repository/durable-file.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import { checkLine } from '../line-check.ts'
import { holdsCommit } from './ancestry.ts'
import type { BackupFolder } from './bundle-file.ts'
import { bundleName } from './bundle-range.ts'
import type { Catalog } from './catalog.ts'
import { BackupForeignError } from './errors.ts'
import { unpackBundle, withCatalog } from './restore.ts'

/** A bundle that a standby took in. */
export interface StandbyStep {
  readonly bundle: string
  /** Position of the last event before and after. */
  readonly from: number
  readonly to: number
  readonly commit: string
}

export interface StandbyOptions extends TransferOptions {
  readonly signal: AbortSignal
  /** How long to wait between two looks at the backup, in milliseconds. */
  readonly pollMs: number
  readonly onStep?: ((step: StandbyStep) => void) | undefined
  /** Told what keeps it from going on; it stays as it is, and looks again. */
  readonly onProblem?: ((error: Error) => void) | undefined
}

/**
 * Keeps a restored log at the end of its backup, until the signal is aborted: a warm standby.
 *
 * @param opened the log, opened for writing, so that nobody else appends to it
 */
export async function followBackup(
  folder: BackupFolder,
  opened: OpenedLog,
  options: StandbyOptions,
): Promise<void> {
  const { signal, pollMs, onProblem } = options
  while (!signal.aborted) {
    try {
      await withCatalog(folder, (catalog) => catchUp(folder, catalog, opened, options))
    } catch (cause) {
      if (signal.aborted) return
      onProblem?.(cause instanceof Error ? cause : new Error(String(cause)))
    }
    await wait(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

async function catchUp(
  folder: BackupFolder,
  catalog: Catalog,
  { log, repository, manifest, runner, reader }: OpenedLog,
  options: StandbyOptions,
): Promise<void> {
  const { directory } = folder
  const { signal } = options
  if (catalog.log !== manifest.id) {
    throw new BackupForeignError(directory, `is of another log, "${catalog.name}" (${catalog.log})`)
  }
  const foreign = () =>
    new BackupForeignError(
      directory,
      `does not continue commit ${log.state.branch.commit} of ${repository.path}`,
    )
  for (const bundle of catalog.bundles) {
    const { branch } = log.state
    if (bundle.last <= branch.position) continue
    await unpackBundle(folder, catalog, bundle, { path: repository.path, runner }, options)
    await syncPackNames(folder.fileSystem, repository.gitDirectory)
    reader.refresh()
    if (!(await holdsCommit(bundle.commit, branch.commit, reader))) throw foreign()
    const { source } = log
    await checkLine(bundle.commit, { before: branch, logId: manifest.id, reader, source, signal })
    await log.follower.fastForward(bundle.commit, branch.commit, { signal })
    const { position: to, commit } = log.state.branch
    options.onStep?.({ bundle: bundleName(bundle), from: branch.position, to, commit })
  }
  // Somebody appended here: until the backup reaches further, no bundle tells.
  const newest = catalog.bundles.at(-1)!
  if (!(await holdsCommit(log.state.branch.commit, newest.commit, reader))) throw foreign()
}
