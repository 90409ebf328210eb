import { resolve } from 'node:path'
import { UsageError } from '../../event/errors.ts'
import { NotALogError, NotARepositoryError } from '../../repository/errors.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import type { Context } from '../context.ts'
import { oneOf } from '../input-values.ts'
import { countOf } from '../number-text.ts'
import { getLogRepository, openForReading, openOrCreate } from '../opening.ts'
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
    const here = { ...context, folder }
    // A log that is there already may have a writer.
    await using log = (await isLog(here))
      ? await openForReading(here)
      : await openOrCreate(folder, context, { ...(codec && { codec }) })
    const { id, name, codec: actual, events } = log.status()
    if (json) await context.output.json({ path: folder, id, name, codec: actual, events })
    else
      await context.output.line(
        printable(`Log "${name}" in ${folder}, ${actual}, ${countOf(events, 'event')}`),
      )
  },
})

/** Whether there is a branch with commits: if it is none of a log, opening it says so. */
async function isLog(context: Context): Promise<boolean> {
  try {
    await getLogRepository(context)
    return true
  } catch (error) {
    if (error instanceof NotALogError || error instanceof NotARepositoryError) return false
    throw error
  }
}
