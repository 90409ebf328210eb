import { argument, command, json } from '../command.ts'
import { countOf, formatBytes } from '../number-text.ts'
import { openForReading } from '../opening.ts'
import { printable } from '../terminal-text.ts'
import { showTransfer } from '../transfer.ts'

export const backup = command({
  inputs: {
    folder: argument('folder', 'where the backup is, or will be; it may be a mounted bucket'),
    json,
  },
  examples: [
    { run: 'memoir backup ../bank-backup', text: 'write what is new; `memoir restore` brings it back' },
  ],
  notes: 'With nothing new, nothing is written. A running writer is not disturbed.',
  async run({ folder, json }, context) {
    await using log = await openForReading(context)
    using transfer = showTransfer('Backing up', context)
    const result = await log.backup(folder, transfer)
    if (json) return context.output.json(result)
    const { from, to, bundle, bytes } = result
    const directory = printable(result.directory)
    await context.output.line(
      bundle === undefined
        ? `Nothing new for ${directory}: position ${to}`
        : `Backed up to ${directory}: ${countOf(to - from, 'new event')}, position ${to}, in ${bundle} (${formatBytes(bytes)})`,
    )
  },
})
