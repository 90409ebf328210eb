import { UsageError } from '../../event/errors.ts'
import { errorCode, fileError } from '../../repository/durable-file.ts'
import { NotARepositoryError } from '../../repository/errors.ts'
import { findRepository } from '../../repository/location.ts'
import { removeStaleRefLock } from '../../repository/ref-lock.ts'
import type { Repository } from '../../repository/repository.ts'
import { BatchSource } from '../batch-source.ts'
import { readBranchState } from '../branch.ts'
import { readManifest, refuseLinks } from '../log-repository.ts'
import { findDeniedPaths } from './access.ts'
import {
  type Ailment,
  type Doctor,
  type DoctorOptions,
  type Treatment,
  toAilment,
  withDefaults,
} from './ailment.ts'
import { diagnoseJournal } from './journal.ts'
import { findLeftovers, listLeftovers } from './leftovers.ts'
import { findGitLocks, findMaintenance, findWriter, releaseLock } from './locks.ts'
import { isRecentGit, OLDEST_GIT, openForReading } from './reading.ts'
import { appendAnew, finishAside, replaceJournal, sealJournal, withLock } from './treatment.ts'
import { findWorkTreeBehind, syncWorkTree } from './work-tree.ts'

export type { Ailment, DoctorOptions, MovedEvent, Treatment } from './ailment.ts'

/** What `treat` does about each ailment that it can mend. */
const TREATMENTS: ReadonlyMap<
  string,
  (repository: Repository, doctor: Doctor, ailment: Ailment) => Promise<Treatment>
> = new Map([
  ['stale-lock', (repository, doctor, { path = '' }) => removeLock(repository, doctor, path)],
  ['writer-elsewhere', (_, doctor, { path = '' }) => releaseLock(doctor, path)],
  ['maintenance-elsewhere', (_, doctor, { path = '' }) => releaseLock(doctor, path)],
  ['journal-torn', (_, doctor) => sealJournal(doctor)],
  ['events-unsealed', (_, doctor) => sealJournal(doctor)],
  ['journal-corrupt', (repository, doctor) => replaceJournal(repository, doctor)],
  ['log-diverged', (repository, doctor) => appendAnew(repository, doctor)],
  ['journal-aside', (repository, doctor, { path = '' }) => finishAside(repository, doctor, path)],
  ['work-tree-behind', (repository, doctor) => syncWorkTree(repository, doctor)],
  ['leftover-files', (repository, doctor, { path = '' }) => removeLeftovers(repository, doctor, path)],
])

/** Those that are safe, or meant for, a log that somebody else may be writing to. */
const NEED_NO_LOCK: readonly string[] = ['stale-lock', 'writer-elsewhere', 'maintenance-elsewhere']

/**
 * Looks at a log, its repository and this machine for whatever keeps the log from being opened, or waits to
 * be mended. Changes nothing. Empty for a log in good health. What the log holds is not verified: see
 * `verifyLog`.
 *
 * Costs as much as a look at the head of the branch and at the journal; where journaled events wait for
 * their commit, a replay of the log.
 */
export async function diagnose(options: DoctorOptions): Promise<readonly Ailment[]> {
  const doctor = withDefaults(options)
  const found: Ailment[] = []
  const look = async (find: () => Promise<readonly Ailment[]>) => {
    try {
      found.push(...(await find()))
    } catch (error) {
      found.push(toAilment(errorCode(error) === undefined ? error : fileError(doctor.path, error)))
    }
  }
  await look(() => findGitProblems(doctor))
  let repository: Repository
  try {
    repository = await getRepository(doctor)
  } catch (error) {
    await look(() => Promise.reject(error))
    return found
  }
  await look(() => findLinks(repository))
  await look(() => findDeniedPaths(repository, doctor))
  await look(() => findGitLocks(repository, doctor))
  await look(() => findWriter(repository, doctor))
  await look(() => findMaintenance(repository, doctor))
  const hasWriter = found.some(({ code }) => code === 'writer-live' || code === 'writer-elsewhere')
  await look(() => findLogProblems(repository, doctor, hasWriter))
  await look(() => findLeftovers(repository, doctor, hasWriter))
  return hasWriter ? found.map(withoutLock) : found
}

/**
 * Mends an ailment that `diagnose` found, if it is still there. Diagnose again afterwards: one ailment may
 * hide another, as a lock does.
 *
 * @throws UsageError for an ailment that cannot be mended from here
 * @throws LogLockedError when a writer has opened the log meanwhile, and what opening a log throws
 */
export async function treat(ailment: Ailment, options: DoctorOptions): Promise<Treatment> {
  const treatment = TREATMENTS.get(ailment.code)
  if (treatment === undefined || !ailment.canFix) {
    throw new UsageError(`"${ailment.code}" cannot be mended from here`, { hint: ailment.remedy })
  }
  const doctor = withDefaults(options)
  const repository = await getRepository(doctor)
  await refuseLinks(repository)
  return treatment(repository, doctor, ailment)
}

async function getRepository({ path, fileSystem }: Doctor): Promise<Repository> {
  const repository = await findRepository(path, fileSystem)
  if (repository === undefined) throw new NotARepositoryError(path, 'there is nothing yet')
  return repository
}

async function findLinks(repository: Repository): Promise<Ailment[]> {
  await refuseLinks(repository)
  return []
}

async function findGitProblems({ findGit }: Doctor): Promise<Ailment[]> {
  const version = await findGit()
  if (version !== undefined && isRecentGit(version)) return []
  const lack = 'the log is read without it, more slowly; clone, push, pull and fetch do not work'
  const remedy = `Install git ${OLDEST_GIT} or newer.`
  const missing = { code: 'git-missing', message: `git was not found: ${lack}` }
  const old = {
    code: 'git-too-old',
    message: `git ${version} is older than ${OLDEST_GIT}: open the log with engine "isomorphic"`,
  }
  return [{ ...(version === undefined ? missing : old), severity: 'warning', remedy, canFix: false }]
}

async function findLogProblems(
  repository: Repository,
  doctor: Doctor,
  hasWriter: boolean,
): Promise<Ailment[]> {
  return openForReading(repository, doctor, async (reader, commit, runner) => {
    const behind = hasWriter ? [] : await findWorkTreeBehind(repository, commit, runner, doctor)
    const branch = await readBranchState(commit, reader, new BatchSource(reader))
    await readManifest(branch, reader)
    return [...behind, ...(await diagnoseJournal(repository, branch, reader, doctor, hasWriter))]
  })
}

function withoutLock(ailment: Ailment): Ailment {
  if (!ailment.canFix || NEED_NO_LOCK.includes(ailment.code)) return ailment
  return { ...ailment, canFix: false, remedy: `Close the writer first. Then: ${ailment.remedy}` }
}

async function removeLock(
  { gitDirectory }: Repository,
  { fileSystem, clock }: Doctor,
  path: string,
): Promise<Treatment> {
  const name = path.slice(`${gitDirectory}/`.length, -'.lock'.length)
  const result = await removeStaleRefLock(fileSystem, gitDirectory, name, clock)
  const isGone = result === undefined || result.removed
  return { message: isGone ? `${path} is gone.` : `${path} is held by somebody now, and stays.`, moved: [] }
}

async function removeLeftovers(repository: Repository, doctor: Doctor, folder: string): Promise<Treatment> {
  return withLock(repository, doctor, async () => {
    const paths = await listLeftovers(folder, doctor)
    for (const path of paths) await doctor.fileSystem.remove(path)
    return { message: `${paths.length} files were removed from ${folder}.`, moved: [] }
  })
}
