import { command, json } from '../command.ts'
import { countOf } from '../number-text.ts'
import { openForWriting } from '../opening.ts'

export const fold = command({
  inputs: { json },
  examples: [{ run: 'memoir fold', text: 'now, not when enough has come together' }],
  notes: 'A log folds by itself as it grows. Every event and every commit stays.',
  async run({ json }, context) {
    await using log = await openForWriting(context)
    const folded = await log.fold({ signal: context.signal })
    if (json) return context.output.json(folded)
    const { before, after } = folded
    await context.output.line(
      before === after
        ? `Nothing to fold: ${countOf(before, 'batch file')}`
        : `Folded ${countOf(before, 'batch file')} into ${after}`,
    )
  },
})
