import { setTimeout as wait } from 'node:timers/promises'
import { asError } from '../../event/errors.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { removeAbandonedFiles } from '../../repository/abandoned-files.ts'
import { syncPackNames } from '../../repository/durable-file.ts'
import { GitFailedError } from '../../repository/git-process-errors.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import { checkLine } from '../line-check.ts'
import { isRefusal } from '../replica/refusal.ts'
import { holdsCommit } from './ancestry.ts'
import type { BackupFolder } from './bundle-file.ts'
import { bundleName } from './bundle-range.ts'
import type { Catalog, CatalogBundle } from './catalog.ts'
import { BackupDamagedError, BackupForeignError } from './errors.ts'
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
  const refused = new RefusedBundle()
  while (!signal.aborted) {
    try {
      await withCatalog(folder, (catalog) => catchUp(folder, catalog, opened, refused, options))
    } catch (cause) {
      if (signal.aborted) return
      onProblem?.(asError(cause))
    }
    await wait(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

async function catchUp(
  folder: BackupFolder,
  catalog: Catalog,
  { log, repository, manifest, runner, reader }: OpenedLog,
  refused: RefusedBundle,
  options: StandbyOptions,
): Promise<void> {
  const { directory } = folder
  const { signal, onProgress } = options
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
    await refused.passOver(bundle, branch.commit, async () => {
      // Each unpacking that broke off left as much as it had come to.
      await removeAbandonedFiles(folder.fileSystem, repository.gitDirectory)
      await unpackBundle(folder, catalog, bundle, { path: repository.path, runner }, options)
      await syncPackNames(folder.fileSystem, repository.gitDirectory)
      reader.refresh()
      if (!(await holdsCommit(bundle.commit, branch.commit, reader))) throw foreign()
      const held = { logId: manifest.id, reader, source: log.source, signal, onProgress }
      await checkLine(bundle.commit, { ...held, before: branch })
      await log.follower.fastForward(bundle.commit, branch.commit, { signal })
    })
    const { position: to, commit } = log.state.branch
    options.onStep?.({ bundle: bundleName(bundle), from: branch.position, to, commit })
  }
  // Somebody appended here: until the backup reaches further, no bundle tells.
  const newest = catalog.bundles.at(-1)!
  if (!(await holdsCommit(log.state.branch.commit, newest.commit, reader))) throw foreign()
}

/** The bundle that was refused last: it is not unpacked again while the log stands where it did. */
class RefusedBundle {
  private last: { readonly key: string; readonly error: unknown } | undefined

  /** @throws what taking it in throws, or threw */
  async passOver({ sha256 }: CatalogBundle, before: string, takeIn: () => Promise<void>): Promise<void> {
    const key = `${sha256} ${before}`
    if (key === this.last?.key) throw this.last.error
    try {
      await takeIn()
    } catch (error) {
      if (isAboutContent(error)) this.last = { key, error }
      throw error
    }
  }
}

/** A file that is missing, or not all there, may be on its way. */
function isAboutContent(error: unknown): boolean {
  if (error instanceof BackupDamagedError) return error.cause instanceof GitFailedError
  return error instanceof BackupForeignError || isRefusal(error)
}
