import { dirname } from 'node:path'
import type { Repository } from '../../repository/repository.ts'
import type { AccessProbe } from '../../system/access.ts'
import { ownDirectory } from '../log-repository.ts'
import type { Ailment, Doctor } from './ailment.ts'

/** The folders and files that a writer has to read and write, as far as they are there. */
export async function findDeniedPaths(repository: Repository, doctor: Doctor): Promise<Ailment[]> {
  const { gitDirectory, branch, workTree } = repository
  const own = ownDirectory(repository)
  const journal = `${own}/journal`
  const segments = await doctor.fileSystem.list(journal).catch(() => [])
  const folders = [
    gitDirectory,
    `${gitDirectory}/objects`,
    dirname(`${gitDirectory}/${branch}`),
    own,
    journal,
  ]
  const files = [`${gitDirectory}/${branch}`, ...segments.map((name) => `${journal}/${name}`)]
  const written = [...folders, ...files, ...(workTree === undefined ? [] : [workTree])]
  const read = [`${gitDirectory}/HEAD`, `${gitDirectory}/config`, `${gitDirectory}/packed-refs`]
  const denied = [
    ...(await selectDenied(read, 'read', doctor.access)),
    ...(await selectDenied(written, 'write', doctor.access)),
  ]
  return denied.map(({ path, what }) => ({
    code: 'permission-denied',
    severity: 'error',
    message: `this user may not ${what} ${path}`,
    remedy: 'Change its owner or mode, and look whether its file system is mounted read-only.',
    canFix: false,
    path,
  }))
}

async function selectDenied(paths: readonly string[], what: 'read' | 'write', access: AccessProbe) {
  const answers = await Promise.all(paths.map((path) => access(path, what)))
  return paths.flatMap((path, at) => (answers[at] === false ? [{ path, what }] : []))
}
