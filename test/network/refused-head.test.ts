import { expect, onTestFinished, test } from 'vitest'
import { follow, type Notice, open } from '../../src/index.ts'
import { git, gitText, writeObject } from '../repository/real-git.ts'
import { GitRecorder } from './git-recorder.ts'
import { createNetwork } from './network.ts'
import { head } from './soundness.ts'

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
    // The look that it begins with has ended.
    await replica.pull()
    const recorder = new GitRecorder(folder)

    const good = head(remote)
    git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
    for (let look = 0; look < 5; look++) {
      await expect(replica.pull()).rejects.toMatchObject({ code: 'remote-failed', kind: 'unsound' })
      expect(replica.status().replica.phase).toBe('refusing')
    }
    expect(downloads(recorder)).toBe(most)

    // Another commit on top, as bad: looked at.
    git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
    await expect(replica.pull()).rejects.toMatchObject({ kind: 'unsound' })
    await expect(replica.pull()).rejects.toMatchObject({ kind: 'unsound' })
    expect(downloads(recorder)).toBe(most + 1)

    git(remote, ['update-ref', 'refs/heads/main', good])
    await log.append('s', EVENT, { ack: 'committed' })
    await log.push(remote)
    expect(await replica.pull()).toMatchObject({ to: 2 })
    expect(replica.status()).toMatchObject({ problem: undefined, replica: { phase: 'idle' } })
  },
  120_000,
)

test('what git refuses of a remote is not downloaded again by a shared log until the remote moves', async () => {
  const { remote, address, folder } = await createNetwork()
  await using log = await open(`${folder}/log.git`)
  await log.append('s', EVENT, { ack: 'committed' })
  await log.push(remote)
  const notices: Notice[] = []
  const shared = await open(`${folder}/shared.git`, {
    mode: 'shared',
    remote: address,
    shared: { fetchMs: 20 },
    onNotice: (notice) => notices.push(notice),
  })
  onTestFinished(() => shared.close())
  const recorder = new GitRecorder(folder)

  const good = head(remote)
  git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
  // By itself it looks, too.
  await expect
    .poll(() => notices, { timeout: 20_000 })
    .toMatchObject([{ kind: 'remote-failed', error: { kind: 'unsound' } }])
  for (let look = 0; look < 5; look++) {
    await expect(shared.pull()).rejects.toMatchObject({ code: 'remote-failed', kind: 'unsound' })
  }
  expect(downloads(recorder)).toBe(2)
  await expect(shared.append('s', EVENT)).rejects.toMatchObject({ kind: 'unsound' })
  expect(downloads(recorder)).toBe(2)

  // Another commit on top, as bad: looked at.
  git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
  for (let look = 0; look < 2; look++) {
    await expect(shared.pull()).rejects.toMatchObject({ kind: 'unsound' })
  }
  expect(downloads(recorder)).toBe(3)

  git(remote, ['update-ref', 'refs/heads/main', good])
  expect(await shared.append('s', EVENT)).toMatchObject({ position: 2 })
  expect(shared.status().shared?.failure).toBeUndefined()
}, 120_000)

test('what git refuses of a remote is not downloaded again by a log that pushes to it until the remote moves', async () => {
  const { remote, address, folder } = await createNetwork()
  await using log = await open(`${folder}/log.git`, { remote: address })
  await log.append('s', EVENT, { ack: 'pushed' })
  const recorder = new GitRecorder(folder)

  const good = head(remote)
  git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
  await log.append('s', EVENT, { ack: 'committed' })
  for (let push = 0; push < 3; push++) {
    await expect(log.push()).rejects.toMatchObject({ kind: 'conflict' })
  }
  expect(downloads(recorder)).toBe(1)

  git(remote, ['update-ref', 'refs/heads/main', withDotGit(remote, 'main')])
  for (let push = 0; push < 2; push++) {
    await expect(log.push()).rejects.toMatchObject({ kind: 'conflict' })
  }
  expect(downloads(recorder)).toBe(2)

  git(remote, ['update-ref', 'refs/heads/main', good])
  expect(await log.push()).toMatchObject({ position: 2 })
}, 120_000)

/** How often a pack was taken in. */
function downloads({ said }: GitRecorder): number {
  return said.match(/^index-pack$/gm)?.length ?? 0
}

/** A commit on top of another whose tree holds what git takes from nobody. */
function withDotGit(remote: string, parent: string): string {
  const blob = writeObject(remote, 'x')
  const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
  const tree = writeObject(remote, entry, 'tree')
  return gitText(remote, 'commit-tree', '-p', parent, '-m', 'Bad', tree)
}
