import { join } from 'node:path'
import type { FileSystem } from '../system/file-system.ts'
import { isTemporaryName, Segment } from './segment.ts'
import { holdsFrames, type StoredSegment } from './stored-segment.ts'

/** Makes the last segment fit for appends: zeros after its frames, and all of them on the disk. */
export async function secure(
  fileSystem: FileSystem,
  directory: string,
  stored: StoredSegment | undefined,
): Promise<Segment | undefined> {
  if (stored === undefined) return undefined
  const { path, size, scan } = stored
  const segment = await Segment.reopen(fileSystem, directory, { path, size, end: scan.end })
  try {
    if (scan.used > scan.end) await segment.repair(Buffer.alloc(scan.used - scan.end), scan.end)
    if (scan.end > scan.durable) {
      // Written, not just synced: after a failed sync the kernel may call pages clean that it never wrote.
      const bytes = await fileSystem.readFile(path)
      await segment.repair(bytes.subarray(scan.durable, scan.end), scan.durable)
    }
    return segment
  } catch (error) {
    await segment.close()
    throw error
  }
}

/** Removes segments that hold nothing, or were never finished. */
export async function removeLeftovers(
  fileSystem: FileSystem,
  directory: string,
  found: readonly StoredSegment[],
): Promise<void> {
  const temporary = (await fileSystem.list(directory)).filter(isTemporaryName)
  const empty = found.filter((segment) => !holdsFrames(segment))
  for (const name of temporary) await fileSystem.remove(join(directory, name))
  for (const { path } of empty) await fileSystem.remove(path)
  // A torn successor must not come back: its presence says that the segment before it is whole.
  if (temporary.length + empty.length > 0) await fileSystem.syncDirectory(directory)
}
