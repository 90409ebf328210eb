import { DEFAULT_REMOTE, shownAddress } from '../../repository/remote-address.ts'
import { command, json, optionalArgument } from '../command.ts'
import { countOf } from '../number-text.ts'
import { openForWriting } from '../opening.ts'
import { showTransfer } from '../transfer.ts'

export const pull = command({
  inputs: {
    remote: optionalArgument('remote', `name or address of a remote (default: ${DEFAULT_REMOTE})`),
    json,
  },
  examples: [{ run: 'memoir pull', text: `from ${DEFAULT_REMOTE}` }],
  notes: 'What comes is checked before it is taken in. Only what continues this log is taken.',
  async run({ remote = DEFAULT_REMOTE, json }, context) {
    await using log = await openForWriting(context)
    using transfer = showTransfer('Pulling', context)
    const pulled = await log.pull(remote, transfer)
    const shown = shownAddress(remote)
    if (json) return context.output.json({ remote: shown, ...pulled })
    const { from, to } = pulled
    await context.output.line(
      from === to
        ? `Nothing new on ${shown}: position ${to}`
        : `Pulled from ${shown}: ${countOf(to - from, 'event')}, position ${from} to ${to}`,
    )
  },
})
