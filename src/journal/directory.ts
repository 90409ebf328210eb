import { dirname } from 'node:path'
import type { FileSystem } from '../system/file-system.ts'

/** Creates a directory and its missing parents, their names on the disk when it resolves. */
export async function makeDurableDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const missing: string[] = []
  for (let at = path; !(await exists(fileSystem, at)); at = dirname(at)) missing.unshift(at)
  if (missing.length === 0) return
  await fileSystem.makeDirectory(path)
  for (const created of missing) await fileSystem.syncDirectory(dirname(created))
}

async function exists(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Whether an error says that a file or directory is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** For what is to be gone. */
export function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}
