import { open } from 'memoir'
import { fetchBranch } from '../src/repository/remote-transfer.ts'
import { type Group, ratioRow } from './row.ts'
import { appendBatches } from './sample-logs.ts'
import { measureInTurn, timed } from './statistics.ts'
import { git } from './workspace.ts'

const MAIN = 'refs/heads/main'
const STREAMS = 1000
const BATCH = 20

/** Moves the same commits between repositories on this disk, by git alone and by Memoir. */
export const transfer: Group = {
  rows: ['push', 'fetch'],
  run: async (bench) => {
    const { commits, rounds } = bench.sizes.transfers
    const path = bench.path('log.git')
    await using log = await open(path, { seal: { afterMs: 1_000_000 } })
    git('.', 'clone', '--quiet', '--bare', path, bench.path('base.git'))
    for (let made = 0; made < commits; made++) {
      await appendBatches(log, { events: BATCH, streams: STREAMS, batch: BATCH })
      await log.seal()
    }
    let copies = 0
    const copy = (name: string) => {
      const target = bench.path(`copy-${copies++}.git`)
      git('.', 'clone', '--quiet', '--bare', bench.path(name), target)
      git(target, 'remote', 'set-url', 'origin', path)
      return target
    }
    const pushes = await measureInTurn(
      rounds,
      () => {
        const target = copy('base.git')
        return timed(() => git(path, 'push', '--quiet', target, `${MAIN}:${MAIN}`))
      },
      () => {
        const target = copy('base.git')
        return timed(() => log.push(target))
      },
    )
    const fetches = await measureInTurn(
      rounds,
      () => {
        const target = copy('base.git')
        return timed(() => git(target, 'fetch', '--quiet', 'origin', `${MAIN}:refs/remotes/origin/main`))
      },
      () => {
        const gitDirectory = copy('base.git')
        return timed(() => fetchBranch({ gitDirectory }, 'origin', MAIN))
      },
    )
    const of = `${commits} commits of ${BATCH} events`
    const atMost = 1.3
    return [
      ratioRow(
        { id: 'push', measurement: `push ${of} to an empty log on this disk`, limit: 'git push' },
        'ms',
        pushes,
        { atMost },
      ),
      ratioRow({ id: 'fetch', measurement: `fetch ${of}`, limit: 'git fetch' }, 'ms', fetches, { atMost }),
    ]
  },
}
