import fc from 'fast-check'
import type { CrashFileSystem } from '../system/crash-file-system.ts'
import { temporaryDirectory } from './real-git.ts'

/** Cuts the power at any step that was made, so many times, and looks at what is left of what was not synced by then. */
export async function cutPowerAtAnyStep(
  fileSystem: CrashFileSystem,
  numRuns: number,
  look: (left: string, wasAtEnd: boolean) => Promise<void>,
): Promise<void> {
  const end = fileSystem.steps
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: end }), fc.infiniteStream(fc.boolean()), async (at, coins) => {
      const target = temporaryDirectory()
      await fileSystem.crash({ at, survives: () => coins.next().value, target })
      await look(target, at === end)
    }),
    { numRuns },
  )
}
