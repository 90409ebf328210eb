import { command, json } from '../command.ts'
import { countOf, formatBytes } from '../number-text.ts'
import { openForReading } from '../opening.ts'
import { showTransfer } from '../transfer.ts'

export const maintain = command({
  inputs: { json },
  examples: [
    { run: 'memoir maintain', text: 'now, not when the log is left alone for a while' },
    { run: 'memoir maintain --json', text: 'what it did, for programs' },
  ],
  notes: 'Also works beside a process that writes to the log. Events and commits stay as they are.',
  async run({ json }, context) {
    await using log = await openForReading(context)
    using progress = showTransfer('Maintaining', context)
    const result = await log.maintain(progress)
    if (json) return context.output.json(result)
    const { packedObjects, mergedPacks, before, after } = result
    await context.output.line(
      packedObjects + mergedPacks === 0
        ? `Nothing to do: ${formatBytes(after.bytes)} in ${countOf(after.packs, 'pack')}`
        : `Packed ${countOf(packedObjects, 'loose object')}, merged ${countOf(mergedPacks, 'pack')}: ${formatBytes(before.bytes)} became ${formatBytes(after.bytes)}`,
    )
  },
})
