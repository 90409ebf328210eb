import { DEFAULT_REMOTE } from '../../repository/remote-address.ts'
import { command, json, optionalArgument } from '../command.ts'
import { countOf } from '../number-text.ts'
import { openForReading } from '../opening.ts'
import { printable } from '../terminal-text.ts'
import { showTransfer } from '../transfer.ts'

export const push = command({
  inputs: {
    remote: optionalArgument('remote', `name or address of a remote (default: ${DEFAULT_REMOTE})`),
    json,
  },
  examples: [
    { run: 'memoir push', text: `to ${DEFAULT_REMOTE}` },
    { run: 'memoir push ../backup.git', text: 'to another repository' },
  ],
  notes: 'Only what continues the remote is sent, never with force. A running writer is not disturbed.',
  async run({ remote = DEFAULT_REMOTE, json }, context) {
    await using log = await openForReading(context)
    using transfer = showTransfer('Pushing', context)
    const pushed = await log.push(remote, transfer)
    if (json) return context.output.json(pushed)
    const { commit, position } = pushed
    await context.output.line(
      `Pushed to ${printable(pushed.remote)}: ${countOf(position, 'event')}, commit ${commit.slice(0, 12)}`,
    )
  },
})
