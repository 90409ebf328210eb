import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git, gitText } from '../../repository/real-git.ts'
import { event, eventually, MAIN, openLog, Remote } from './push-fixture.ts'

const noWatch = { watch: false } as const

describe('status', () => {
  it('shows no remote where none was ever known', async () => {
    const { log } = await openLog({})
    expect(log.status()).toMatchObject({ remotes: [], heads: { remote: undefined } })
  })

  it('shows a remote that the repository knows, before anything was ever pushed to it', async () => {
    const { log, path } = await openLog({ ...noWatch })
    await log.append('a', [event()])
    await log.close()
    git(path, ['remote', 'add', 'mirror', new Remote().path])
    git(path, ['remote', 'add', 'origin', new Remote().path])
    const { log: again } = await openLog({ ...noWatch, readOnly: true }, path)
    const { remotes } = again.status()
    expect(remotes.map(({ remote, isAuthority, phase }) => [remote, isAuthority, phase])).toEqual([
      ['origin', true, 'idle'],
      ['mirror', false, 'idle'],
    ])
    expect(remotes[0]).toMatchObject({ head: undefined, unpushed: undefined, pushedAt: undefined })
    expect(again.status().heads.remote).toBeUndefined()
  })

  it('shows three heads, and what lies between branch and remote', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path, seal: { afterMs: 1_000_000 } })
    const pushed = await log.append('a', [event()], { ack: 'pushed' })
    const committed = await log.append('a', [event(), event()], { ack: 'committed' })
    await log.append('a', [event()])
    const status = log.status()
    expect(status.heads).toEqual({
      image: { position: 4, commit: committed.commit },
      branch: { position: 3, commit: committed.commit },
      remote: { position: 1, commit: pushed.commit },
    })
    expect(status.remotes).toMatchObject([{ unpushed: { events: 2, commits: 1 }, isAuthority: true }])
    await log.push()
    expect(log.status().remotes).toMatchObject([
      { head: { position: 4, commit: remote.head }, unpushed: { events: 0, commits: 0 } },
    ])
  })

  it('counts commits of a fold, and of others', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ remote: remote.path })
    await log.push()
    for (let at = 0; at < 5; at++) await log.append('a', [event()], { ack: 'committed' })
    await log.fold()
    expect(log.status().remotes).toMatchObject([{ unpushed: { events: 5, commits: 6 } }])
    const foreign = gitText(path, 'commit-tree', '-m', 'Foreign', '-p', MAIN, `${MAIN}^{tree}`)
    git(path, ['update-ref', MAIN, foreign])
    await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => log.status().remotes).toMatchObject([{ unpushed: { events: 6, commits: 8 } }])
  })

  it('compares anew when history is rewritten by hand in an open log', async () => {
    const remote = new Remote()
    const { log, path, notices } = await openLog({ remote: remote.path })
    await log.append('a', [event()])
    await log.append('a', [event()], { ack: 'pushed' })
    const other = gitText(path, 'commit-tree', '-m', 'Mine', '-p', `${MAIN}^`, `${MAIN}^{tree}`)
    git(path, ['update-ref', MAIN, other])
    await eventually(() => notices.map(({ kind }) => kind)).toContain('rewritten')
    await eventually(() => log.status().remotes).toMatchObject([{ unpushed: { commits: 1 } }])
  })

  it('says that a remote lacks no event where somebody took events away here', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ ...noWatch, remote: remote.path })
    await log.append('a', [event()], { ack: 'pushed' })
    await log.append('a', [event()], { ack: 'pushed' })
    await log.close()
    git(path, [
      'update-ref',
      MAIN,
      gitText(path, 'commit-tree', '-m', 'Revert', '-p', MAIN, `${MAIN}^^{tree}`),
    ])
    const { log: again } = await openLog({ ...noWatch, readOnly: true, remote: remote.path }, path)
    expect(again.status().remotes).toMatchObject([{ unpushed: { events: 0, commits: 1 } }])
  })

  it('keeps what is known of a remote without a name for the next process, without its password', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ ...noWatch })
    await log.append('a', [event()])
    await log.push(remote.path)
    await log.append('a', [event()])
    const secret = 'http://ada:s3cret@localhost:1/log.git'
    await expect(log.push(secret)).rejects.toMatchObject({ kind: 'network' })
    await log.close()

    const { log: again } = await openLog({ ...noWatch, readOnly: true, remote: remote.path }, path)
    expect(again.status().remotes).toMatchObject([
      {
        remote: remote.path,
        isAuthority: true,
        head: { position: 1, commit: remote.head },
        unpushed: { events: 1, commits: 1 },
        pushedAt: expect.any(String),
        error: undefined,
      },
      {
        remote: 'http://localhost:1/log.git',
        head: undefined,
        unpushed: undefined,
        error: { kind: 'network', code: 'remote-failed', mayHaveArrived: false },
      },
    ])
    const directory = join(path, 'memoir', 'remotes')
    const kept = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))
    expect(JSON.stringify([kept, again.status()])).not.toContain('s3cret')
  })

  it('knows of a push that was made by git alone', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ ...noWatch })
    git(path, ['remote', 'add', 'origin', remote.path])
    await log.append('a', [event()], { ack: 'pushed' })
    await log.append('a', [event()], { ack: 'committed' })
    await log.close()
    git(path, ['push', '--quiet', 'origin', 'main'])
    const { log: again } = await openLog({ ...noWatch, readOnly: true }, path)
    expect(again.status().remotes).toMatchObject([
      { remote: 'origin', head: { position: 2, commit: remote.head }, unpushed: { events: 0, commits: 0 } },
    ])
  })

  it('takes a damaged record for none', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ ...noWatch, remote: remote.path })
    await log.append('a', [event()], { ack: 'pushed' })
    await log.close()
    const directory = join(path, 'memoir', 'remotes')
    const wrong = [
      { pushedAt: 1e300 },
      { nextTryAt: 1e16 },
      { failure: { at: -1e300, kind: '', code: '', message: '' } },
    ]
    const records = wrong.map((fields) => JSON.stringify({ remote: remote.path, ...fields }))
    for (const text of ['', 'null', '{"remote":7}', '{"remote":"other"}', '{"head":null', ...records]) {
      for (const name of readdirSync(directory)) writeFileSync(join(directory, name), text)
      const { log: again } = await openLog({ ...noWatch, readOnly: true, remote: remote.path }, path)
      expect(again.status().remotes).toEqual([])
      await again.close()
    }
    for (const name of readdirSync(directory)) truncateSync(join(directory, name), 2 ** 32)
    const { log: again } = await openLog({ ...noWatch, readOnly: true, remote: remote.path }, path)
    expect(again.status().remotes).toEqual([])
  })

  it('is had of a repository without a configuration, which git takes for one', async () => {
    const { log, path } = await openLog({ ...noWatch })
    await log.append('a', [event()])
    await log.close()
    rmSync(join(path, 'config'))
    const { log: again } = await openLog({ ...noWatch }, path)
    expect(again.status().remotes).toEqual([])
    await expect(again.push()).rejects.toMatchObject({ code: 'invalid-remote' })
  })

  it('shows how far a pull found the remote', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({ remote: remote.path })
    await log.append('a', [event()], { ack: 'pushed' })
    const copyPath = join(path, '..', 'copy.git')
    git(path, ['clone', '--quiet', '--bare', remote.path, copyPath])
    const { log: copy } = await openLog({}, copyPath)
    const { commit } = await log.append('a', [event()], { ack: 'pushed' })
    await copy.pull()
    expect(copy.status().heads.remote).toEqual({ position: 2, commit })
    await log.append('a', [event()], { ack: 'committed' })
    expect(log.status().remotes).toMatchObject([{ unpushed: { events: 1, commits: 1 } }])
  })
})
