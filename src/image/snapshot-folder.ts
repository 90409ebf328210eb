import { createHash } from 'node:crypto'
import type { FileSystem } from '../system/file-system.ts'
import { indexMemory } from './index-snapshot.ts'
import { SnapshotFile } from './snapshot-file.ts'
import type { SnapshotHeader } from './snapshot-head.ts'

/** What a snapshot is of. */
export type Subject = Pick<SnapshotHeader, 'kind' | 'name' | 'version'>

/** Its version rises with each change of what the columns hold, such as the hash of ids. */
export const INDEX: Subject = { kind: 'index', name: '', version: 2 }

/** A snapshot of the index that was opened before it was asked for; the file is undefined where it is damaged. */
export interface IndexAhead {
  readonly path: string
  readonly file: SnapshotFile | undefined
}

/**
 * Opens and checks the newest snapshot of the index. It is most of what is read when a large log is opened, so it is
 * begun first, and waits for nothing else.
 */
export async function openIndexAhead(
  directory: string,
  fileSystem: FileSystem,
): Promise<IndexAhead | undefined> {
  const [newest] = await snapshotPositions(INDEX, directory, fileSystem)
  if (newest === undefined) return undefined
  const path = `${directory}/${fileName(INDEX, newest)}`
  try {
    return { path, file: await SnapshotFile.open(fileSystem, path, indexMemory) }
  } catch {
    // Whoever asks for it opens it again, and tells.
    return undefined
  }
}

/** Positions at which there are snapshots of a subject, newest first. */
export async function snapshotPositions(
  subject: Subject,
  directory: string,
  fileSystem: FileSystem,
): Promise<number[]> {
  const names = await fileSystem.list(directory).catch((): string[] => [])
  return names
    .map((name) => Number(/-(\d+)\.snapshot$/.exec(name)?.[1]))
    .filter((position, at) => names[at] === fileName(subject, position))
    .sort((left, right) => right - left)
}

// A name of any characters, as a hash: it may be `../../etc`, or differ from another in case only.
export function fileName({ kind, name }: Subject, position: number): string {
  const key = kind === 'index' ? '' : `-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
  return `${kind}${key}-${String(position).padStart(12, '0')}.snapshot`
}
