import { UsageError } from '../../event/errors.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { findTailStart, linesInput, printTail } from '../event-tail.ts'
import { parsePlace } from '../input-values.ts'
import { openForReading } from '../opening.ts'
import { filterInputs } from '../reading-inputs.ts'
import { withoutAbsent } from '../without-absent.ts'

export const tail = command({
  inputs: {
    stream: optionalArgument('stream', 'one stream (default: the whole log); it need not be there yet'),
    lines: linesInput,
    from: option('--from <n>', 'print everything from this position, or version, on', parsePlace),
    ...filterInputs,
    json,
  },
  examples: [
    { run: 'memoir tail', text: 'the last ten events, and all that come' },
    { run: 'memoir tail --from 1 --type MoneyDeposited --json', text: 'a feed of deposits for a program' },
  ],
  notes: 'Ctrl-C ends it, with exit code 130. Events are printed once they are committed.',
  async run({ lines, json, from, ...filter }, context) {
    if (from !== undefined && lines !== undefined) {
      throw new UsageError('--from and --lines both say where to begin: give one of them')
    }
    await using log = await openForReading(context, { watch: {} })
    const options = withoutAbsent({ ...filter, signal: context.signal })
    const start = from === undefined ? await findTailStart(log, options, lines) : { events: [], next: from }
    await printTail(log, options, start, json, context.output)
  },
})
