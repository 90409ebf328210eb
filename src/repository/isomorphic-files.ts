import { promises } from 'node:fs'
import { nodeFileSystem } from '../system/file-system.ts'

/**
 * The files that isomorphic-git reads: Node's, but of what a repository holds it reads ordinary files alone, since opening
 * a pipe may never end. The index it would write in its place: a git that reads it meanwhile, or after a crash, found a
 * part of it. So whoever lets it write takes what it writes.
 */
export const isomorphicFiles = {
  promises: { ...promises, readFile: readOrdinaryFile },
}

async function readOrdinaryFile(
  path: string,
  options?: 'utf8' | { readonly encoding?: 'utf8' },
): Promise<Buffer | string> {
  const bytes = await nodeFileSystem.readFile(path)
  const encoding = typeof options === 'string' ? options : options?.encoding
  return encoding === undefined ? bytes : bytes.toString(encoding)
}
