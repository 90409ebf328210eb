import { resolve } from 'node:path'
import { UsageError } from '../../event/errors.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { oneOf } from '../input-values.ts'
import { openOrCreate } from '../opening.ts'
import { countOf } from '../progress.ts'
import { printable } from '../terminal-text.ts'

export const init = command({
  inputs: {
    path: optionalArgument('path', 'an empty folder, an empty repository, or nothing yet (default: here)'),
    codec: option(
      '--codec <codec>',
      'how batches are written: jsonl (default) or yaml',
      oneOf('jsonl', 'yaml'),
    ),
    json,
  },
  examples: [
    { run: 'memoir init ledger.git', text: 'a new log in a bare repository' },
    { run: 'memoir init notes.git --codec yaml', text: 'a log that people write by hand' },
  ],
  notes: 'Where there is a log already, nothing is changed.',
  async run({ path, codec, json }, context) {
    const given = context.folder ?? path ?? '.'
    if (path !== undefined && context.folder !== undefined) {
      throw new UsageError('-C and an argument both say where the log is to be: give one of them')
    }
    if (given === '')
      throw new UsageError('init needs a path, not ""', { hint: 'Leave it out for this folder.' })
    const folder = resolve(given)
    await using log = await openOrCreate(folder, context, { ...(codec && { codec }) })
    const { id, name, codec: actual, events } = log.status()
    if (json) await context.output.json({ path: folder, id, name, codec: actual, events })
    else
      await context.output.line(
        printable(`Log "${name}" in ${folder}, ${actual}, ${countOf(events, 'event')}`),
      )
  },
})
