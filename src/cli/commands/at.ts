import { UsageError } from '../../event/errors.ts'
import { argument, command, json, restArguments } from '../command.ts'
import { ExitCode } from '../exit-code.ts'
import { countOf } from '../number-text.ts'
import { openView } from '../view.ts'

const COMMANDS = ['read', 'state', 'streams']

export const at = command({
  inputs: {
    point: argument(
      'point',
      "a position (42), a commit's full id, or a date (2026-11-01, 2026-11-01T09:30Z)",
    ),
    words: restArguments('command', `one of ${COMMANDS.join(', ')}, with its arguments and options`),
    json,
  },
  examples: [
    { run: 'memoir at 3', text: 'what the log knew after its third event' },
    { run: 'memoir at 3 read account-1 --json', text: 'a stream as it was' },
    { run: 'memoir at 2026-11-01 streams', text: 'the streams that there were on that day' },
  ],
  async run({ point, words, json }, context) {
    const [name] = words
    if (name !== undefined) {
      if (!COMMANDS.includes(name)) {
        throw new UsageError(`"${name}" cannot be asked of the past`, { hint: `Use ${COMMANDS.join(', ')}.` })
      }
      return context.run(json ? [...words, '--json'] : words, { ...context, at: point })
    }
    await using view = await openView({ ...context, at: point })
    const { position } = view
    const streams = view.streams().length
    let time: string | undefined
    for await (const last of view.read({ from: Math.max(1, position) })) time = last.time
    if (json) {
      await context.output.json({ position, time, streams })
      return ExitCode.done
    }
    const when = time === undefined ? '' : `, the last on ${time}`
    await context.output.line(
      `Position ${position}: ${countOf(position, 'event')} in ${countOf(streams, 'stream')}${when}`,
    )
    return ExitCode.done
  },
})
