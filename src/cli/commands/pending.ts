import { UsageError } from '../../event/errors.ts'
import { pendingOf } from '../../sync/shared/pending.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import type { Context } from '../context.ts'
import { openForSharing } from '../opening.ts'
import { appendLines, readOutbox } from '../outbox.ts'

export const pending = command({
  inputs: {
    action: optionalArgument('action', 'withdraw; without it, the appends that wait are listed'),
    id: optionalArgument('id', 'which append'),
    remote: option('--remote <remote>', 'with withdraw: name or address of the remote (default: origin)'),
    json,
  },
  examples: [
    { run: 'memoir pending', text: 'what was accepted here and is not on the remote yet' },
    { run: 'memoir pending --json', text: 'the same with all events, for programs' },
  ],
  notes: `An append that the remote refuses for what it holds keeps all that came after it waiting: memoir pending
withdraw <id> makes a conflict of it, to decide about with memoir conflicts.`,
  async run({ action, id, remote, json }, context) {
    if (action === undefined) {
      if (remote !== undefined) {
        throw new UsageError('--remote goes with withdraw: the list asks no remote')
      }
      return list(json, context)
    }
    if (action !== 'withdraw') throw new UsageError(`"${action}" is not withdraw`)
    if (id === undefined) throw new UsageError('which append to withdraw is not said')
    await using log = await openForSharing(context, remote)
    await log.withdraw(id, { signal: context.signal })
    if (json) return context.output.json({ withdrawn: id })
    await context.output.line(`Withdrew ${id}: see memoir conflicts`)
  },
})

/** Also beside a running writer. */
async function list(json: boolean, context: Context): Promise<void> {
  const entries = (await readOutbox(context)) ?? []
  const found = entries.filter(({ conflict }) => conflict === undefined).map(pendingOf)
  if (json) for (const append of found) await context.output.json(append)
  else if (found.length === 0) await context.output.line('Nothing waits for the remote.')
  else await context.output.lines(found.flatMap(({ id, appends }) => [id, ...appendLines(appends)]))
}
