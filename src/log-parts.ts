import type { Assembly } from './assembly.ts'
import { imageAt } from './image/time-travel.ts'
import type { LogParts } from './log-handle.ts'
import { statusOf } from './status.ts'

/** What every handle of an open log is made of. */
export function logParts(assembly: Assembly): LogParts {
  const { opened, image, snapshots, pushers, upkeep, longWork, ports } = assembly
  const { log, repository, reader } = opened
  const { projections } = image
  return {
    log,
    image,
    at: (point) =>
      longWork.run({}, (cutOff) =>
        imageAt({ log, snapshots, reader, projections, skipped: image.skipped(), point, ...cutOff }),
      ),
    backup: (directory, transfer) =>
      longWork.run(transfer, async (cutOff) => {
        if (log.writer !== undefined) await log.seal()
        const { backUp } = await import('./sync/backup/backup.ts')
        return backUp({ ...opened, ...ports, state: log.state, source: log.source }, directory, cutOff)
      }),
    drill: (named, options) =>
      longWork.run(options, async (cutOff) => {
        const { drill } = await import('./drill.ts')
        return drill(assembly, named, cutOff)
      }),
    verify: (verify) =>
      longWork.run(verify, async (cutOff) => {
        const { verifyLog } = await import('./log/verification/verification.ts')
        return verifyLog({ repository, reader, branch: log.state.branch, ...cutOff })
      }),
    status: () => statusOf(opened, image, pushers.status(), upkeep.usage),
    maintain: (run) => upkeep.run(run),
    measureDisk: () => upkeep.measure(),
    close: () => assembly.close(),
  }
}
