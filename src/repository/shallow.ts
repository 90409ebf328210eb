import type { FileSystem } from '../system/file-system.ts'
import { errorCode } from './durable-file.ts'
import type { GitReader } from './git-reader.ts'
import { parseCommit } from './object.ts'

/** The commits at which the history of a shallow clone ends; none in a whole repository. */
export async function readShallow(
  gitDirectory: string,
  fileSystem: FileSystem,
): Promise<ReadonlySet<string>> {
  const text = await fileSystem.readFile(`${gitDirectory}/shallow`).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  return new Set(text.toString('latin1').split('\n').filter(Boolean))
}

/**
 * The commit at which a shallow clone cuts off the way from a commit back to another, or to the first one; undefined where
 * the whole way is there. Reads the commits on it, but only in a shallow clone.
 */
export async function findCut(
  shallow: ReadonlySet<string>,
  head: string,
  after: string | undefined,
  reader: Pick<GitReader, 'read'>,
): Promise<string | undefined> {
  if (shallow.size === 0) return undefined
  for (let commit: string | undefined = head; commit !== undefined && commit !== after; ) {
    if (shallow.has(commit)) return commit
    // A log is a line.
    commit = parseCommit((await reader.read(commit)).content).parents[0]
  }
  return undefined
}
