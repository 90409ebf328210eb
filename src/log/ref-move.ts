import { RefLockedError } from '../repository/errors.ts'
import { removeStaleRefLock } from '../repository/ref-lock.ts'
import { type RefChange, updateRef } from '../repository/ref-update.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'

/** Each waits a second for the lock of the ref, and a lock counts as left behind after five. */
const LOCK_ATTEMPTS = 7

/**
 * Moves a ref as `updateRef` does, and past the lock of an owner that is gone: a process that was killed
 * while it moved the ref, git or Memoir, leaves its lock behind.
 *
 * @throws what `updateRef` throws
 */
export async function moveRef(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
  change: RefChange,
  clock: Clock,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await updateRef(fileSystem, gitDirectory, ref, change, { clock })
    } catch (error) {
      if (!(error instanceof RefLockedError) || attempt === LOCK_ATTEMPTS) throw error
      await removeStaleRefLock(fileSystem, gitDirectory, ref, clock)
    }
  }
}
