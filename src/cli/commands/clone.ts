import { argument, command, flag, json, optionalArgument } from '../command.ts'
import { warnOf } from '../notice-text.ts'
import { countOf } from '../number-text.ts'
import { printable } from '../terminal-text.ts'
import { showTransfer } from '../transfer.ts'

export const clone = command({
  inputs: {
    url: argument('url', 'https://, ssh://, user@host:path, or the path of a folder'),
    path: optionalArgument('path', 'a new folder (default: the last part of the address)'),
    workTree: flag('--work-tree', 'check the files out as well (default: a bare repository)'),
    json,
  },
  examples: [{ run: 'memoir clone ../backup.git copy.git', text: 'restore a log from its backup' }],
  namesFolder: true,
  async run({ url, path, workTree, json }, context) {
    const { clone } = await import('../../memoir.ts')
    using transfer = showTransfer('Cloning', context)
    const { signal, onProgress: onTransfer } = transfer
    using reading = context.messages.progress('Reading')
    await using log = await clone(url, path, {
      workTree,
      readOnly: true,
      signal,
      onTransfer,
      // Files that cannot be checked out are told so.
      onNotice: (notice) => warnOf(notice, context.messages),
      onProgress: (done, total) => {
        signal.throwIfAborted()
        reading.update({ done, total })
      },
    })
    const { path: folder, events, streams, commit } = log.status()
    if (json) return context.output.json({ path: folder, events, streams, commit })
    await context.output.line(
      `Cloned into ${printable(folder)}: ${countOf(events, 'event')} in ${countOf(streams, 'stream')}`,
    )
  },
})
