import { command, json, optionalArgument } from '../command.ts'
import { countOf } from '../number-text.ts'
import { openForSharing } from '../opening.ts'

export const sync = command({
  inputs: {
    remote: optionalArgument('remote', 'name or address of the remote (default: origin)'),
    json,
  },
  examples: [{ run: 'memoir sync', text: 'with origin' }],
  notes:
    'For a log that many writers share. What was accepted here and does not hold on the remote is kept: see memoir conflicts.',
  async run({ remote, json }, context) {
    await using log = await openForSharing(context, remote)
    const { signal } = context
    await log.push({ signal })
    await log.pull({ signal })
    const { commit, events } = log.status()
    const conflicts = log.conflicts().length
    if (json) return context.output.json({ commit, position: events, conflicts })
    const left = conflicts === 0 ? '' : `, ${countOf(conflicts, 'conflict')}: see memoir conflicts`
    await context.output.line(`In step with the remote: position ${events}${left}`)
  },
})
