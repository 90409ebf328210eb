import { command, json } from '../command.ts'
import { countOf, formatBytes, formatCount } from '../number-text.ts'
import { openForReading } from '../opening.ts'
import { countOutbox, outboxText, readOutbox } from '../outbox.ts'
import { remoteText } from '../remote-text.ts'
import { fillTo, printable } from '../terminal-text.ts'

export const status = command({
  inputs: { json },
  examples: [
    { run: 'memoir status', text: 'where the log stands' },
    { run: 'memoir status --json', text: 'the same for programs' },
  ],
  async run({ json }, context) {
    await using log = await openForReading(context)
    const disk = await log.measureDisk()
    const status = log.status()
    const entries = await readOutbox(context)
    const shared = entries && countOutbox(entries)
    if (json) return context.output.json({ ...status, ...(shared && { shared }) })
    const facts = {
      log: `${status.name}  ${status.id}`,
      folder: status.path,
      format: `${status.format}, ${status.codec}`,
      image: `position ${status.positions.image}`,
      branch: `${status.branch.replace('refs/heads/', '')}, position ${status.positions.branch} at ${status.commit}`,
      events: formatCount(status.events),
      streams: formatCount(status.streams),
      'batch files': formatCount(status.files),
      disk: `${formatBytes(disk.bytes)}, ${countOf(disk.looseObjects, 'loose object')}, ${countOf(disk.packs, 'pack')}`,
      index: formatBytes(status.indexBytes),
      ...(shared && { outbox: outboxText(shared) }),
      ...(status.problem === undefined ? {} : { problem: status.problem.message }),
    }
    // A user chooses their names: one may be called as a fact is.
    const remotes = status.remotes.map(
      (remote) => ['remote', `${remote.remote}, ${remoteText(remote)}`] as const,
    )
    await context.output.lines(
      [...Object.entries(facts), ...remotes].map(([name, fact]) => `${fillTo(13, name)}${printable(fact)}`),
    )
  },
})
