import { resolve } from 'node:path'
import { Assembly } from './assembly.ts'
import { UsageError } from './event/errors.ts'
import { uuidGenerator } from './event/ids.ts'
import type { Notice } from './log/log-state.ts'
import { logParts } from './log-parts.ts'
import type { SharedOptions } from './options.ts'
import { portsOf } from './ports.ts'
import { findRepository } from './repository/location.ts'
import { SharedLog } from './shared-log.ts'
import { cloneLog } from './sync/cloning.ts'
import { Outbox } from './sync/shared/outbox.ts'
import { SharedWriter } from './sync/shared/shared-writer.ts'
import { randomFraction } from './system/random.ts'
import { inUnfinishedFolder } from './unfinished-folder.ts'

const PATIENCE_MS = 30_000
const FETCH_MS = 5_000
const CLOSE_WITHIN_MS = 10_000

/** Opens a log that others write to as well; see `open`. */
export async function openShared(path: string, options: SharedOptions): Promise<SharedLog> {
  options.signal?.throwIfAborted()
  await cloneIfMissing(path, options)
  const assembly = await Assembly.open(path, options)
  let outbox: Outbox | undefined
  try {
    const { shared: settings = {} } = options
    const { remote, ports } = assembly
    const { fileSystem, clock, random } = ports
    const { log, manifest, repository, reader, runner, directory } = assembly.opened
    const seen = await assembly.pushers.allOf(remote)
    const notify = (notice: Notice) => assembly.tell(notice)
    // Of a time when this clone was the only writer.
    await log.seal()
    outbox = await Outbox.open(`${directory}/outbox`, fileSystem)
    const uuid = uuidGenerator(random)
    const writer = {
      log,
      logId: manifest.id,
      draft: log.draft,
      repository,
      reader,
      runner,
      outbox,
      remote,
      fileSystem,
      clock,
      chance: () => randomFraction(random),
      newKey: () => uuid(clock.now()),
      patienceMs: settings.patienceMs ?? PATIENCE_MS,
      fetchMs: settings.fetchMs ?? FETCH_MS,
      closeWithinMs: settings.closeWithinMs ?? CLOSE_WITHIN_MS,
      onFailure: (error: Error) => notify({ kind: 'remote-failed', error }),
      onConflict: (id: string, error: Error) => notify({ kind: 'conflict', id, error }),
      onMoved: () => assembly.branchMoved(),
      onConfirmed: seen.reached,
    }
    const shared = await SharedWriter.open(writer, options.signal)
    const parts = logParts(assembly)
    const status = () => ({ ...parts.status(), mode: 'shared' as const, shared: shared.status() })
    const close = async () => {
      try {
        await shared.close()
        await seen.save()
      } finally {
        // Whatever failed before: nobody else could open the log.
        await parts.close()
      }
    }
    return new SharedLog({ ...parts, shared, status, close })
  } catch (error) {
    await outbox?.close().catch(() => undefined)
    await assembly.close()
    throw error
  }
}

async function cloneIfMissing(path: string, options: SharedOptions): Promise<void> {
  const { remote, signal } = options
  const ports = portsOf(options)
  const { fileSystem } = ports
  if ((await findRepository(path, fileSystem)) !== undefined) return
  if (remote === undefined) {
    throw new UsageError(`there is nothing at ${path} yet, and the option remote is not given`, {
      hint: 'Give the address of the remote to clone.',
    })
  }
  const clone = (unfinished: string) => cloneLog(remote, unfinished, { bare: true, signal, fileSystem })
  await inUnfinishedFolder(resolve(path), ports, clone)
}
