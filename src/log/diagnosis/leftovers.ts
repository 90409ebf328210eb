import { basename } from 'node:path'
import type { Repository } from '../../repository/repository.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { ownDirectory } from '../log-repository.ts'
import type { Ailment, Doctor } from './ailment.ts'

/** A file of this name is being written, or was when its writer died. Git's own and ours. */
const TEMPORARY = /^tmp_(obj|pack|idx)_|^next\.tmp$/
/** Git writes a loose object into the folder in `objects` that it is to lie in. */
const FAN_OUT = /^[0-9a-f]{2}$/
/** Younger ones may still be written to: by a slow fetch, or a writer that this process cannot see. */
const LEFT_AFTER_MS = 60 * 60 * 1000

/** Temporary files that a crash left behind, grouped by their folder. They only take room. */
export async function findLeftovers(
  repository: Repository,
  doctor: Doctor,
  hasWriter: boolean,
): Promise<Ailment[]> {
  const { gitDirectory } = repository
  const own = ownDirectory(repository)
  const folders = [
    gitDirectory,
    `${gitDirectory}/objects`,
    `${gitDirectory}/objects/pack`,
    own,
    `${own}/snapshots`,
    `${own}/remotes`,
  ]
  // A writer keeps the next segments of its journals ready there, for as long as it takes.
  if (!hasWriter) folders.push(`${own}/journal`, `${own}/outbox`)
  const ailments: Ailment[] = []
  for (const folder of folders) {
    const paths = await listLeftovers(folder, doctor)
    if (paths.length === 0) continue
    const message = `${paths.length} temporary files were left in ${folder}`
    const remedy = 'Removes them.'
    ailments.push({ code: 'leftover-files', severity: 'info', message, remedy, canFix: true, path: folder })
  }
  return ailments
}

/** The temporary files in a folder, and in those of its loose objects, that nobody has written to for an hour. */
export async function listLeftovers(
  folder: string,
  { fileSystem, clock }: Pick<Doctor, 'fileSystem' | 'clock'>,
): Promise<string[]> {
  const list = async (path: string) =>
    (await fileSystem.list(path).catch(() => [])).map((name) => `${path}/${name}`)
  const direct = await list(folder)
  const below = await Promise.all(direct.filter((path) => FAN_OUT.test(basename(path))).map(list))
  const paths = [...direct, ...below.flat()].filter((path) => TEMPORARY.test(basename(path)))
  const ages = await Promise.all(paths.map((path) => ageOf(path, fileSystem, clock.now())))
  return paths.filter((_, at) => ages[at]! > LEFT_AFTER_MS)
}

/** Of a file that is gone: none. */
async function ageOf(path: string, fileSystem: FileSystem, nowMs: number): Promise<number> {
  return fileSystem.stat(path).then(
    ({ kind, modifiedMs }) => (kind === 'file' ? nowMs - modifiedMs : 0),
    () => 0,
  )
}
