import { expect, onTestFinished, test } from 'vitest'
import { follow, open } from '../../src/index.ts'
import { git, gitText } from '../repository/real-git.ts'
import { GitRecorder } from './git-recorder.ts'
import { createNetwork } from './network.ts'

const EVENT = [{ type: 'Counted', data: {} }]
const BY_HAND = { poll: { fastestMs: 3_600_000, slowestMs: 3_600_000 }, fileEvents: false }

test.each([
  ['on this machine', 1],
  // Once to see that it is refused, once more to know which commit that was.
  ['over the network', 2],
] as const)(
  'what git refuses of a remote %s is not downloaded again until the remote moves',
  async (place, most) => {
    const { remote, address, folder } = await createNetwork()
    await using log = await open(`${folder}/log.git`)
    await log.append('s', EVENT, { ack: 'committed' })
    await log.push(remote)
    const from = place === 'on this machine' ? remote : address
    const stateDirectory = `${folder}/state`
    const replica = await follow(from, `${folder}/replica.git`, { ...BY_HAND, stateDirectory })
    onTestFinished(() => replica.close())
    const recorder = new GitRecorder(folder)
    const downloads = () => recorder.said.match(/^index-pack$/gm)?.length ?? 0

    const good = gitText(remote, 'rev-parse', 'main')
    git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
    for (let look = 0; look < 5; look++) {
      await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-failed', kind: 'unsound' })
      expect(replica.status().replica.phase).toBe('refusing')
    }
    expect(downloads()).toBe(most)

    // Another commit on top, as bad: looked at.
    git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
    await expect(replica.pull()).rejects.toMatchObject({ kind: 'unsound' })
    await expect(replica.pull()).rejects.toMatchObject({ kind: 'unsound' })
    expect(downloads()).toBe(most + 1)

    git(remote, ['update-ref', 'refs/heads/main', good])
    await log.append('s', EVENT, { ack: 'committed' })
    await log.push(remote)
    expect(await replica.pull()).toMatchObject({ to: 2 })
    expect(replica.status()).toMatchObject({ problem: undefined, replica: { phase: 'idle' } })
  },
  120_000,
)

/** A commit on top of another whose tree holds what git takes from nobody. */
function withDotGit(remote: string, parent: string): string {
  const blob = git(remote, ['hash-object', '-w', '--stdin'], { input: 'x' }).toString().trim()
  const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
  const tree = git(remote, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], { input: entry })
  return gitText(remote, 'commit-tree', '-p', parent, '-m', 'Bad', tree.toString().trim())
}
