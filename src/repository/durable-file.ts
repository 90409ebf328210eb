import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { MemoirError } from '../event/errors.ts'
import type { File, FileSystem } from '../system/file-system.ts'
import { DiskFullError, FileFailedError, PermissionDeniedError } from './errors.ts'

/** What a file is to hold: its bytes, or who writes them. */
export type FileContent = Uint8Array | ((file: File) => Promise<void>)

/**
 * Creates a file that must not exist yet and syncs its contents. Its name is durable once its directory
 * is synced too. What fails half way is removed.
 *
 * @throws Node's own errors, `EEXIST` among them
 */
export async function createFile(
  fileSystem: FileSystem,
  path: string,
  content: FileContent,
  mode = 0o666,
): Promise<void> {
  const file = await fileSystem.open(path, 'wx', mode)
  try {
    try {
      if (typeof content === 'function') await content(file)
      else await writeFully(file, content)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await removeQuietly(fileSystem, path)
    throw error
  }
}

/**
 * Writes a whole file, or replaces it, so that a crash leaves the old one or the new one. Its name is
 * durable once its directory is synced.
 *
 * @throws DiskFullError, PermissionDeniedError, FileFailedError
 */
export async function replaceFile(
  fileSystem: FileSystem,
  path: string,
  content: FileContent,
  mode?: number,
): Promise<void> {
  const temporary = temporaryPath(dirname(path))
  try {
    await createFile(fileSystem, temporary, content, mode)
    try {
      await fileSystem.rename(temporary, path)
    } catch (error) {
      await removeQuietly(fileSystem, temporary)
      throw error
    }
  } catch (error) {
    throw fileError(path, error)
  }
}

/**
 * Writes all bytes, from a place in the file on: its start by default. At a full disk a write is cut short
 * without an error: the next one fails.
 */
export async function writeFully(file: File, bytes: Uint8Array, at = 0): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.write(bytes, done, bytes.length - done, at + done)
    if (written === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
    done += written
  }
}

/** Syncs the contents of a file that somebody else wrote. @throws Node's own errors */
export async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = await fileSystem.open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Makes the names of packs durable that git has written: git syncs their bytes, and leaves their folder to the
 * file system. Needed before a ref leads to what they hold.
 *
 * @throws DiskFullError, PermissionDeniedError, FileFailedError
 */
export async function syncPackNames(fileSystem: FileSystem, gitDirectory: string): Promise<void> {
  const packs = `${gitDirectory}/objects/pack`
  try {
    await fileSystem.syncDirectory(packs)
  } catch (error) {
    throw fileError(packs, error)
  }
}

/** A new name that git knows to be temporary: `git prune` removes such files from `objects/` and `objects/pack`. */
export function temporaryPath(directory: string, kind: 'obj' | 'pack' | 'idx' = 'obj'): string {
  return `${directory}/tmp_${kind}_${randomBytes(8).toString('hex')}`
}

/** Removes what a failure leaves behind. That it cannot be removed too says nothing new. */
export async function removeQuietly(fileSystem: FileSystem, path: string): Promise<void> {
  await fileSystem.remove(path).catch(() => undefined)
}

/** What the file system answered at a path, as an error of ours. One that is ours already stays as it is. */
export function fileError(path: string, cause: unknown): MemoirError {
  if (cause instanceof MemoirError) return cause
  switch (errorCode(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiskFullError(path, { cause })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new PermissionDeniedError(path, { cause })
    default:
      return new FileFailedError(path, { cause })
  }
}

/** The `code` of one of Node's errors, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** For what may be gone, or is to be. */
export function ignoreMissing(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return
  throw error
}
