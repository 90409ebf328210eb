import { resolve } from 'node:path'
import { Assembly } from './assembly.ts'
import { ProjectionStoppedError } from './image/errors.ts'
import type { Skipped } from './image/image.ts'
import { imageAt } from './image/time-travel.ts'
import { inNewFolder } from './new-folder.ts'
import { NotARepositoryError } from './repository/errors.ts'
import { findRepository } from './repository/location.ts'
import { pointHeadAtOnlyBranch } from './repository/only-branch.ts'
import { addressNear, getRemote } from './repository/remote.ts'
import { shownAddress } from './repository/remote-address.ts'
import { cloneRepository, type TransferOptions } from './repository/remote-transfer.ts'
import { TemporaryDirectory } from './repository/temporary-directory.ts'
import { holdsCommit } from './sync/backup/ancestry.ts'
import { type Catalog, findCatalog, readCatalog } from './sync/backup/catalog.ts'
import { compareEvents, compareStates, type Difference, type NotCompared } from './sync/backup/comparison.ts'
import { restoreInto, withCatalog } from './sync/backup/restore.ts'
import type { FileSystem } from './system/file-system.ts'

/** How a drill went. */
export interface DrillResult {
  /** What was restored: the folder of a backup, or the address of a remote, without credentials. */
  readonly source: string
  readonly kind: 'backup' | 'remote'
  /** Whether the copy holds what the log held at that position, in events and in all states. */
  readonly isEqual: boolean
  readonly differences: readonly Difference[]
  /** Projections that stopped at the same event in both, so that there is no state to compare. */
  readonly notCompared: readonly NotCompared[]
  /** Position of the last event that was restored, and its commit. */
  readonly position: number
  readonly commit: string
  /** What the copy lacks: how many events, and for how many seconds the oldest of them has been missing. */
  readonly behind: { readonly events: number; readonly seconds: number }
  /** How long it took until the copy was restored, checked, and its image rebuilt. */
  readonly seconds: number
  /** Names of the projections that were compared. */
  readonly projections: readonly string[]
}

/** How `log.drill` drills. */
export interface DrillOptions extends TransferOptions {
  /** Told how many events of how many are in the image of the copy. */
  readonly onReplayed?: ((done: number, total: number) => void) | undefined
}

/**
 * Restores a backup or a remote into a temporary place, rebuilds the image there, and compares it with the
 * one of the open log.
 *
 * @param named the folder of a backup, or name or address of a remote. Default: the log's remote
 * @throws what `restore` and `clone` throw: then there is nothing to compare
 */
export async function drill(
  live: Assembly,
  named: string | undefined,
  { onReplayed, ...transfer }: DrillOptions,
): Promise<DrillResult> {
  const started = performance.now()
  const { projections } = live.image
  await using temporary = await TemporaryDirectory.create('memoir-drill-')
  const path = `${temporary.path}/restored.git`
  const from = await restoreFrom(live, named, path, transfer)
  const copy = await Assembly.open(path, {
    projections,
    readOnly: true,
    watch: false,
    onProgress: (done, total) => {
      transfer.signal?.throwIfAborted()
      onReplayed?.(done, total)
    },
  })
  try {
    const seconds = (performance.now() - started) / 1000
    const { differences, notCompared } = await compare(live, copy, transfer.signal)
    const { commit, position } = copy.opened.log.state.branch
    return {
      ...from,
      isEqual: differences.length === 0 && notCompared.length === 0,
      differences,
      notCompared,
      position,
      commit,
      behind: behind(live, position),
      seconds: Math.round(seconds * 1000) / 1000,
      projections: projections
        .map(({ name }) => name)
        .filter((name) => !notCompared.some(({ projection }) => projection === name)),
    }
  } finally {
    await copy.close()
  }
}

/** A folder with a catalog is a backup, anything else a remote: if none is named, that of the log, as for `pull`. */
async function restoreFrom(
  { opened: { repository }, ports: { fileSystem, clock }, remote }: Assembly,
  named: string | undefined,
  path: string,
  options: TransferOptions,
): Promise<Pick<DrillResult, 'source' | 'kind'>> {
  const folder = { directory: resolve(named ?? ''), fileSystem }
  if (named !== undefined && (await findCatalog(folder.directory, fileSystem)) !== undefined) {
    const restoreTo = (catalog: Catalog) => restoreInto(path, folder, catalog, { ...options, clock })
    // What is left of a try must not be in the way of the next one.
    await withCatalog(folder, (catalog) => inNewFolder(path, () => restoreTo(catalog)))
    return { source: folder.directory, kind: 'backup' }
  }
  const address =
    named === undefined
      ? (await getRemote(repository, remote, 'fetch')).address
      : await addressNear(repository, named)
  // A folder that was named and is no repository: what is wrong with it, whoever looks for a backup says.
  if (address === folder.directory && (await isPlainFolder(address, fileSystem))) {
    await readCatalog(address, fileSystem)
  }
  await cloneRepository(address, path, { ...options, bare: true })
  await pointHeadAtOnlyBranch(path, fileSystem)
  return { source: shownAddress(address), kind: 'remote' }
}

async function isPlainFolder(path: string, fileSystem: FileSystem): Promise<boolean> {
  try {
    const { kind } = await fileSystem.stat(path)
    return kind === 'directory' && (await findRepository(path, fileSystem)) === undefined
  } catch (error) {
    // Whatever else is in its way, git says.
    return error instanceof NotARepositoryError
  }
}

async function compare(
  live: Assembly,
  copy: Assembly,
  signal: AbortSignal | undefined,
): Promise<Pick<DrillResult, 'differences' | 'notCompared'>> {
  const { log, manifest, reader } = live.opened
  const { branch } = copy.opened.log.state
  const { position } = branch
  if (copy.opened.manifest.id !== manifest.id) {
    return onlyDiffers('log', `the copy is of another log, ${copy.opened.manifest.id}`)
  }
  const isHeld = () => holdsCommit(log.state.branch.commit, branch.commit, reader)
  // A log that is read beside its writer may have gone on while the copy was made.
  if (!(await isHeld())) await log.follower.look()
  const end = log.state.visible.position
  if (position > end) {
    return onlyDiffers('beyond', `the copy reaches position ${position}, the log ends at ${end}`)
  }
  const differences: Difference[] = []
  if (!(await isHeld())) {
    differences.push({ kind: 'history', message: `commit ${branch.commit} of the copy is not in the log` })
  }
  const event = await compareEvents(log.replay(1, position, signal), copy.opened.log.replay(1, position))
  if (event !== undefined) differences.push(event)
  // The image in memory, if it stands at that very position; else as it stood then.
  const { image, snapshots } = live
  const { projections } = image
  const skipped = image.skipped()
  const states = await imageAt({
    log,
    snapshots,
    reader,
    projections,
    skipped,
    point: position,
    signal,
  })
  await skipAlike(copy, skipped)
  const isNow = log.state.visible.position === position
  const compared = compareStates(projections, isNow ? image : states, copy.image)
  return { differences: [...differences, ...compared.differences], notCompared: compared.notCompared }
}

function onlyDiffers(kind: 'log' | 'beyond', message: string) {
  return { differences: [{ kind, message }], notCompared: [] }
}

/** Lets the projections of the copy pass over what somebody told those of the log to pass over. */
async function skipAlike({ image, opened: { log } }: Assembly, skipped: Skipped): Promise<void> {
  const replay = (from: number) => log.replay(from)
  for (const [projection, positions] of skipped) {
    for (const at of [...positions].sort((a, b) => a - b)) {
      const { stopped } = image.status().find(({ name }) => name === projection.name)!
      if (stopped?.position !== at) continue
      try {
        await image.resume(projection, 'skip', replay, log.state.index)
      } catch (error) {
        if (!(error instanceof ProjectionStoppedError)) throw error
      }
    }
  }
}

function behind({ opened: { log }, ports }: Assembly, position: number): DrillResult['behind'] {
  const { index, visible } = log.state
  const events = Math.max(0, visible.position - position)
  if (events === 0) return { events, seconds: 0 }
  return { events, seconds: Math.max(0, Math.round((ports.clock.now() - index.time(position + 1)) / 1000)) }
}
