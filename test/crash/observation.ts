import { existsSync, readdirSync, rmSync } from 'node:fs'
import type { RecordedEvent } from '../../src/event/event.ts'
import { open } from '../../src/memoir.ts'
import type { OpenOptions } from '../../src/options.ts'
import type { Clock } from '../../src/system/clock.ts'
import { fsck } from '../repository/real-git.ts'
import type { Observation } from './checker.ts'
import { tallies } from './tally.ts'

const QUIET = { seal: { afterMs: 3_600_000 }, watch: { pollMs: 3_600_000 } }

/** Opens a log without a hand, looks at all it shows, and closes it again. */
export async function observe(path: string, options: OpenOptions = {}): Promise<Observation> {
  const log = await open(path, { projections: [tallies], ...QUIET, ...options })
  try {
    const events: RecordedEvent[] = []
    for await (const {
      position,
      stream,
      version,
      type,
      schema,
      tags,
      id,
      time,
      data,
      metadata,
    } of log.read()) {
      events.push({ position, stream, version, type, schema, tags, id, time, data, metadata })
    }
    const image = structuredClone(log.state(tallies))
    const streams = log.streams()
    const { positions } = log.status()
    await log.seal()
    const { findings } = await log.verify()
    await log.close()
    const problems = findings.filter(({ severity }) => severity === 'error').map(({ message }) => message)
    const broken = checkWithGit(path)
    return { events, image, streams, position: positions.image, findings: [...problems, ...broken] }
  } finally {
    await log.close()
  }
}

function checkWithGit(path: string): string[] {
  try {
    const said = fsck(path)
    return said === '' ? [] : [said]
  } catch (error) {
    return [String(error)]
  }
}

/** The clock of an observer who comes long after: locks that were left behind are old then. */
export const LATER: Clock = { now: () => Date.now() + 60_000 }

/** Removes the locks of writer and maintenance whose owner is this very process, which plays the dead one. */
export function forgetLocks(path: string): void {
  for (const directory of [`${path}/memoir`, `${path}/memoir/maintenance`]) {
    if (!existsSync(directory)) continue
    for (const name of readdirSync(directory)) if (name.endsWith('.lock')) rmSync(`${directory}/${name}`)
  }
}
