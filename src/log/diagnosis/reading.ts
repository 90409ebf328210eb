import { NotALogError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { openReader } from '../../repository/open-reader.ts'
import { readRef } from '../../repository/refs.ts'
import type { Repository } from '../../repository/repository.ts'
import { GitRunner } from '../../repository/runner.ts'
import type { Doctor } from './ailment.ts'

/** The oldest git that knows the options we give it. */
export const OLDEST_GIT = '2.34'

/** Whether a version such as `2.39.5` is that of a git we can use. */
export function isRecentGit(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = OLDEST_GIT.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

/** Reads the repository with git, or without it where there is none that can be used. */
export async function openForReading<Result>(
  repository: Repository,
  doctor: Doctor,
  task: (reader: GitReader, commit: string, runner: GitRunner) => Promise<Result>,
): Promise<Result> {
  const { gitDirectory, branch } = repository
  const commit = await readRef(doctor.fileSystem, gitDirectory, branch)
  if (commit === undefined) throw new NotALogError(`a commit on ${branch}`)
  const version = await doctor.findGit()
  const engine = version !== undefined && isRecentGit(version) ? 'git' : 'isomorphic'
  await using runner = new GitRunner({ repository })
  await using reader = await openReader({ gitDirectory, runner, engine })
  return await task(reader, commit, runner)
}
