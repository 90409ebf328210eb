import { UsageError } from '../../event/errors.ts'
import type { RecordedEvent } from '../../event/event.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { eventLines } from '../event-text.ts'
import { parsePlace } from '../input-values.ts'
import { openForReading } from '../opening.ts'
import { filterInputs } from '../reading-inputs.ts'
import { findTailStart, linesInput, SHOWN_FIRST } from '../tail-start.ts'
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
    const { output, signal } = context
    const print = (event: RecordedEvent) =>
      json ? output.json(event) : output.lines(eventLines(event, output))

    await using log = await openForReading(context, { watch: {} })
    const options = withoutAbsent({ ...filter, signal })
    const start =
      from === undefined
        ? await findTailStart(log, lines ?? SHOWN_FIRST, options)
        : { events: [], next: from }
    for (const event of start.events) await print(event)
    await output.flush()
    for await (const event of log.read({ ...options, from: start.next, follow: true })) {
      await print(event)
      await output.flush()
    }
  },
})
