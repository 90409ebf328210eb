import type { FileSystem } from '../system/file-system.ts'
import { errorCode, fileError, ignoreMissing, syncFile } from './durable-file.ts'
import { GitFailedError } from './git-process-errors.ts'
import type { GitRunner } from './runner.ts'

/** What somebody else's commits are made durable with. */
export interface HistorySync {
  readonly gitDirectory: string
  readonly fileSystem: FileSystem
  /** Works in that repository. */
  readonly runner: GitRunner
}

/**
 * Makes the objects of commits durable that a git made: it syncs no loose object unless it is told to, and no folder. What
 * is committed on top of them would else lack what it rests on after a power cut. Costs a git process, 5 ms, and a sync
 * for each loose object.
 *
 * @param known a commit whose objects are durable
 * @throws GitFailedError, GitMissingError, DiskFullError, PermissionDeniedError, FileFailedError
 */
export async function syncHistory(
  { gitDirectory, fileSystem, runner }: HistorySync,
  known: string,
  commit: string,
): Promise<void> {
  const objects = `${gitDirectory}/objects`
  const folders = new Set([`${objects}/pack`, objects])
  const syncObject = async (oid: string) => {
    const folder = `${objects}/${oid.slice(0, 2)}`
    folders.add(folder)
    // One that was packed since is in a pack that was synced.
    await syncFile(fileSystem, `${folder}/${oid.slice(2)}`).catch(ignoreMissing)
  }
  let rest = ''
  const onOutput = async (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    for (const oid of lines) await syncObject(oid)
  }
  const range = ['--end-of-options', commit, `^${known}`]
  try {
    await runner.run(['rev-list', ...LISTING, ...range], { onOutput })
  } catch (error) {
    // What is missing cannot be synced: whoever needs it finds out.
    if (!(error instanceof GitFailedError && error.exitCode === 128)) throw fileError(objects, error)
  }
  for (const folder of folders) {
    await fileSystem.syncDirectory(folder).catch((error) => {
      if (errorCode(error) !== 'ENOENT') throw fileError(folder, error)
    })
  }
}

/** A known commit that is gone, since history was replaced, leaves out nothing. */
const LISTING = ['--objects', '--no-object-names', '--unpacked', '--ignore-missing']
