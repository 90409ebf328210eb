import { command, json, option } from '../command.ts'
import { tableLines } from '../table.ts'
import { openView } from '../view.ts'

export const streams = command({
  inputs: {
    prefix: option('--prefix <text>', 'only streams whose name begins so'),
    json,
  },
  examples: [
    { run: 'memoir streams', text: 'all streams' },
    { run: 'memoir streams --prefix account- --json', text: 'some of them, for programs' },
  ],
  async run({ prefix = '', json }, context) {
    const { output } = context
    await using view = await openView(context)
    const found = view.streams({ prefix })
    if (json) {
      for (const stream of found) await output.json(stream)
      return
    }
    const rows = found.map(({ stream, version, position, time }) => [stream, version, position, time])
    await output.lines(
      tableLines(
        [
          { title: 'STREAM', gives: true },
          { title: 'VERSION', align: 'right' },
          { title: 'POSITION', align: 'right' },
          { title: 'LAST CHANGE' },
        ],
        rows,
        output.width,
      ),
    )
  },
})
