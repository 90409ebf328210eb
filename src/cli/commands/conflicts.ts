import { UsageError } from '../../event/errors.ts'
import type { Json } from '../../event/event.ts'
import { MAX_DEPTH } from '../../event/strict-json.ts'
import type { StreamAppend } from '../../log/preparation.ts'
import { type Conflict, conflictsOf } from '../../sync/shared/conflict.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import type { Context } from '../context.ts'
import { parseExpectedVersion } from '../input-values.ts'
import { readJson } from '../json-input.ts'
import { openForSharing } from '../opening.ts'
import { appendLines, readOutbox } from '../outbox.ts'
import { printable } from '../terminal-text.ts'

export const conflicts = command({
  inputs: {
    action: optionalArgument('action', 'retry or drop; without it, the conflicts are listed'),
    id: optionalArgument('id', 'which conflict'),
    expect: option(
      '--expect <version>',
      'with retry: where each stream has to stand now: a version, any, no-stream or stream-exists',
      parseExpectedVersion,
    ),
    appends: option(
      '--appends <json>',
      'with retry: other appends, in the form in which --json lists them; - reads them from standard input',
    ),
    remote: option(
      '--remote <remote>',
      'with retry or drop: name or address of the remote (default: origin)',
    ),
    json,
  },
  examples: [
    { run: 'memoir conflicts', text: 'what did not hold or was withdrawn, and why' },
    { run: 'memoir conflicts --json', text: 'the same with all events, for programs' },
  ],
  notes: `An append that was accepted without the remote and does not hold there, or was withdrawn, is kept until somebody
decides: memoir conflicts retry <id> appends it again, memoir conflicts drop <id> forgets it.`,
  async run({ action, id, expect, appends, remote, json }, context) {
    if (expect !== undefined && action !== 'retry') throw new UsageError('--expect goes with retry')
    if (appends !== undefined && action !== 'retry') throw new UsageError('--appends goes with retry')
    if (action === undefined) {
      if (remote !== undefined)
        throw new UsageError('--remote goes with retry or drop: the list asks no remote')
      return list(json, context)
    }
    if (action !== 'retry' && action !== 'drop') throw new UsageError(`"${action}" is neither retry nor drop`)
    if (id === undefined) throw new UsageError(`which conflict to ${action} is not said`)
    const edited = asAppends(
      await readJson('--appends', appends, undefined, context.signal, MAX_DEPTH + AROUND_DATA),
    )
    await using log = await openForSharing(context, remote)
    if (action === 'drop') {
      await log.dropConflict(id)
      return json ? context.output.json({ dropped: id }) : context.output.line(`Dropped ${id}`)
    }
    // Where there is no such conflict, retrying it says so.
    const chosen = edited ?? log.conflicts().find((one) => one.id === id)?.appends ?? []
    const again =
      expect === undefined ? chosen : chosen.map((append) => ({ ...append, expectedVersion: expect }))
    const result = await log.retryConflict(id, { appends: again, signal: context.signal })
    if (json) return context.output.json(result)
    await context.output.line(`${result.position}  ${id} is on the remote now`)
  },
})

/** The levels around the data of an event: the list, an append, its events, an event. */
const AROUND_DATA = 4

/** What one of them has to be, the log says. */
function asAppends(value: Json | undefined): readonly StreamAppend[] | undefined {
  if (value === undefined || Array.isArray(value)) return value as readonly StreamAppend[] | undefined
  throw new UsageError('--appends is no list', { hint: 'Give it as "appends" of: memoir conflicts --json' })
}

/** Also beside a running writer. */
async function list(json: boolean, context: Context): Promise<void> {
  const found = conflictsOf((await readOutbox(context)) ?? [])
  if (json) for (const conflict of found) await context.output.json(conflict)
  else if (found.length === 0) await context.output.line('No conflicts.')
  else await context.output.lines(found.flatMap(conflictLines))
}

function conflictLines({ id, appends, reason }: Conflict): string[] {
  return [`${id}  ${printable(reason.message)}`, ...appendLines(appends)]
}
