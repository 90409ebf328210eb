import { ownDirectory } from '../log/log-repository.ts'
import type { StreamAppend } from '../log/preparation.ts'
import { Outbox } from '../sync/shared/outbox.ts'
import type { OutboxEntry } from '../sync/shared/outbox-record.ts'
import { nodeFileSystem } from '../system/file-system.ts'
import type { Context } from './context.ts'
import { countOf } from './number-text.ts'
import { getLogRepository } from './opening.ts'
import { printable } from './terminal-text.ts'

/** What a shared log keeps until the remote has it or somebody decides. */
export interface OutboxCounts {
  /** Events that wait for the remote. */
  readonly provisional: number
  /** Appends that did not hold there. */
  readonly conflicts: number
}

/** What stands in a log's outbox, read beside a process that writes to it; undefined if it was never shared. */
export async function readOutbox(context: Context): Promise<readonly OutboxEntry[] | undefined> {
  const { repository } = await getLogRepository(context)
  const directory = `${ownDirectory(repository)}/outbox`
  const stat = await nodeFileSystem.stat(directory).catch(() => undefined)
  return stat && (await Outbox.read(directory, nodeFileSystem))
}

export function countOutbox(entries: readonly OutboxEntry[]): OutboxCounts {
  const pending = entries.filter(({ conflict }) => conflict === undefined)
  const events = pending.flatMap(({ append }) => append.appends.flatMap((one) => one.events))
  return { provisional: events.length, conflicts: entries.length - pending.length }
}

/** What the events of appends are called, a line each. */
export function appendLines(appends: readonly StreamAppend[]): string[] {
  return appends.flatMap(({ stream, events }) =>
    events.map(({ type }) => `    ${printable(`${type}  ${stream}`)}`),
  )
}

export function outboxText({ provisional, conflicts }: OutboxCounts): string {
  const waiting = provisional === 0 ? [] : [`${countOf(provisional, 'event')} not on the remote yet`]
  const refused = conflicts === 0 ? [] : [`${countOf(conflicts, 'conflict')} to decide: memoir conflicts`]
  return [...waiting, ...refused].join(', ') || 'empty'
}
