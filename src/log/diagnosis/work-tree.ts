import { openCheckout } from '../../repository/open-checkout.ts'
import type { Repository } from '../../repository/repository.ts'
import { WorkTree } from '../../repository/work-tree.ts'
import { ownDirectory } from '../log-repository.ts'
import type { Ailment, Doctor, Treatment } from './ailment.ts'
import { openForReading } from './reading.ts'
import { withLock } from './treatment.ts'

/** Whether the checked-out files stand at an earlier commit than the branch: a writer died between the two. */
export async function findWorkTreeBehind(
  repository: Repository,
  commit: string,
  { fileSystem }: Doctor,
): Promise<Ailment[]> {
  const { workTree } = repository
  if (workTree === undefined) return []
  const text = await fileSystem.readFile(`${ownDirectory(repository)}/work-tree`).catch(() => undefined)
  const synced = text?.toString('latin1').trim()
  // Files that were never synced are as git left them.
  if (synced === undefined || synced === commit) return []
  const message = `the files in ${workTree} stand at commit ${synced.slice(0, 12)}, the branch at ${commit.slice(0, 12)}`
  const remedy = 'Brings them to the commit of the branch; files that somebody else changed are not touched.'
  return [{ code: 'work-tree-behind', severity: 'warning', message, remedy, canFix: true, path: workTree }]
}

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
