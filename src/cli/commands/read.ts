import { command, flag, json, option, optionalArgument } from '../command.ts'
import { printEvent } from '../event-text.ts'
import { parseCount, parsePlace } from '../input-values.ts'
import { filterInputs } from '../reading-inputs.ts'
import { openView } from '../view.ts'
import { withoutAbsent } from '../without-absent.ts'

export const read = command({
  inputs: {
    stream: optionalArgument('stream', 'one stream (default: the whole log)'),
    from: option('--from <n>', 'the first position; the first version, of one stream', parsePlace),
    to: option('--to <n>', 'the last position or version', parsePlace),
    limit: option('--limit <n>', 'the most events to print', parseCount),
    backwards: flag('--backwards', 'the last event first; --from is where it begins then'),
    ...filterInputs,
    json,
  },
  examples: [
    { run: 'memoir read account-1', text: 'all events of a stream' },
    { run: 'memoir read --backwards --limit 3', text: 'the last three events of the log' },
    { run: 'memoir read --type MoneyDeposited --json', text: 'all deposits, for programs' },
  ],
  async run({ backwards, json, ...options }, context) {
    const { output, signal } = context
    await using view = await openView(context)
    const direction = backwards ? 'backwards' : 'forwards'
    const given = withoutAbsent({ ...options, signal })
    for await (const event of view.read({ ...given, direction, ifMissing: 'error' })) {
      await printEvent(event, json, output)
    }
  },
})
