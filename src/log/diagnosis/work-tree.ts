import { GitFailedError, GitMissingError } from '../../repository/git-process-errors.ts'
import { openCheckout } from '../../repository/open-checkout.ts'
import type { Repository } from '../../repository/repository.ts'
import type { GitRunner } from '../../repository/runner.ts'
import { WorkTree } from '../../repository/work-tree.ts'
import { ownDirectory } from '../log-repository.ts'
import type { Ailment, Doctor, Treatment } from './ailment.ts'
import { openForReading } from './reading.ts'
import { withLock } from './treatment.ts'

/** Whether the checked-out files stand at an earlier commit than the branch: a writer died between the two. */
export async function findWorkTreeBehind(
  repository: Repository,
  commit: string,
  runner: GitRunner,
  { fileSystem }: Doctor,
): Promise<Ailment[]> {
  const { workTree } = repository
  if (workTree === undefined) return []
  const text = await fileSystem.readFile(`${ownDirectory(repository)}/work-tree`).catch(() => undefined)
  const synced = text?.toString('latin1').trim()
  // Files that were never synced are as git left them.
  if (synced === undefined || synced === commit) return []
  if (await hasIndexFollowed(synced, commit, runner)) return []
  const message = `the files in ${workTree} stand at commit ${synced.slice(0, 12)}, the branch at ${commit.slice(0, 12)}`
  const remedy = 'Brings them to the commit of the branch; files that somebody else changed are not touched.'
  return [{ code: 'work-tree-behind', severity: 'warning', message, remedy, canFix: true, path: workTree }]
}

/**
 * Whether the index holds all that the branch has changed since: after a commit, a pull or a switch by hand, git has brought
 * the files along. Without git nobody can tell, and they count as left behind.
 */
async function hasIndexFollowed(synced: string, commit: string, runner: GitRunner): Promise<boolean> {
  const pathsOf = async (...args: readonly string[]) =>
    (await runner.run(args)).stdout.toString('latin1').split('\0')
  try {
    const changed = await pathsOf('diff-tree', '-r', ...NAMES, synced, commit)
    const staged = new Set(await pathsOf('diff-index', '--cached', ...NAMES, commit))
    return changed.every((path) => path === '' || !staged.has(path))
  } catch (error) {
    if (error instanceof GitFailedError || error instanceof GitMissingError) return false
    throw error
  }
}

const NAMES = ['--name-only', '--no-renames', '-z', '--end-of-options']

/** Brings the files to the commit of the branch. @throws WorkTreeError, LogLockedError */
export async function syncWorkTree(repository: Repository, doctor: Doctor): Promise<Treatment> {
  const { workTree } = repository
  if (workTree === undefined) return { message: 'There are no files.', moved: [] }
  return withLock(repository, doctor, () =>
    openForReading(repository, doctor, async (reader, commit, runner) => {
      const checkedOut = { ...repository, workTree }
      const checkout = await openCheckout(checkedOut, reader, runner)
      await new WorkTree(checkedOut, checkout, doctor.fileSystem).recover(commit)
      return { message: `The files stand at commit ${commit.slice(0, 12)}.`, moved: [] }
    }),
  )
}
