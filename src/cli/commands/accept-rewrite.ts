import { addressNear } from '../../repository/remote.ts'
import { DEFAULT_REMOTE, shownAddress } from '../../repository/remote-address.ts'
import { command, json, option, optionalArgument } from '../command.ts'
import { countOf } from '../number-text.ts'
import { getLogRepository, openForReading } from '../opening.ts'
import { printable } from '../terminal-text.ts'

export const acceptRewrite = command({
  inputs: {
    commit: optionalArgument('commit', 'the commit that the remote is at: without it, nothing is changed'),
    remote: option('--remote <remote>', `name or address of the remote (default: ${DEFAULT_REMOTE})`),
    json,
  },
  examples: [{ run: 'memoir accept-rewrite', text: 'what would be lost, and the commit to name' }],
  notes:
    'For a replica whose remote was rewound or rewritten on purpose. End `memoir follow` first. The old history stays, under a ref in refs/memoir/replaced/.',
  async run({ commit, remote = DEFAULT_REMOTE, json }, context) {
    const { output, signal } = context
    const { repository } = await getLogRepository(context)
    const { openForRewrite } = await import('../../follow.ts')
    const address = await addressNear(repository, remote)
    // What a dead writer left in the journal belongs to the history here, and would come after the one of the remote.
    await (await openForReading(context)).close()
    await using replica = await openForRewrite(address, repository.path, { signal })
    if (commit === undefined) {
      const rewrite = await replica.describeRewrite({ signal })
      if (json) return output.json(rewrite)
      const { from, to, commonPosition, lost, gained } = rewrite
      return output.lines([
        `Here:          commit ${from}`,
        `On the remote: commit ${to}`,
        `Both hold the same events up to position ${commonPosition}.`,
        `To accept the remote's history loses ${countOf(lost, 'event')} here and brings ${countOf(gained, 'event')}.`,
        ...(from === to ? [] : [`To do so: memoir accept-rewrite ${to}${remoteOption(remote)}`]),
      ])
    }
    const { replaced, ...rewrite } = await replica.acceptRewrite(commit, { signal })
    if (json) return output.json({ ...rewrite, replaced })
    await output.line(
      `Accepted commit ${rewrite.to}: ${countOf(rewrite.lost, 'event')} lost, ${countOf(rewrite.gained, 'event')} gained. The old history is kept as ${replaced}.`,
    )
  },
})

function remoteOption(remote: string): string {
  return remote === DEFAULT_REMOTE ? '' : ` --remote ${printable(shownAddress(remote))}`
}
