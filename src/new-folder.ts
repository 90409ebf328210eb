import { mkdir, readdir, rm } from 'node:fs/promises'
import { NotARepositoryError } from './repository/errors.ts'

/**
 * Does something that fills a folder which does not exist yet, or is free. If it fails, nothing is left.
 *
 * @param isFree says so of the names in a folder. Default: there are none
 * @throws NotARepositoryError when the folder is taken
 */
export async function inNewFolder<Result>(
  path: string,
  fill: () => Promise<Result>,
  isFree?: (names: readonly string[]) => boolean,
): Promise<Result> {
  const existed = await isFreeFolder(path, isFree)
  try {
    return await fill()
  } catch (error) {
    await rm(path, { recursive: true, force: true })
    if (existed) await mkdir(path)
    throw error
  }
}

/** Whether there is a free folder. @throws NotARepositoryError when there is anything else */
export async function isFreeFolder(
  path: string,
  isFree: (names: readonly string[]) => boolean = (names) => names.length === 0,
): Promise<boolean> {
  try {
    if (!isFree(await readdir(path))) throw new NotARepositoryError(path, 'it is not empty')
    return true
  } catch (error) {
    if (error instanceof NotARepositoryError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    throw new NotARepositoryError(path, `it is no folder that can be read (${code})`)
  }
}
