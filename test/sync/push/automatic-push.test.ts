import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { open } from '../../../src/index.ts'
import { git, gitText } from '../../repository/real-git.ts'
import { event, eventually, MAIN, openLog, Remote } from './push-fixture.ts'

const SOON = { every: 1 }
const SELDOM = { every: 3_600_000 }

describe('a log with automatic push', () => {
  it('pushes what is committed by itself', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path, push: SOON })
    const { commit } = await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => remote.head).toBe(commit)
  })

  it('does not wait once as many events as allowed are unpushed', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path, push: { ...SELDOM, maxUnpushed: 3 } })
    await log.push()
    await log.append('a', [event(), event()], { ack: 'committed' })
    await eventually(() => log.status().remotes).toMatchObject([
      { phase: 'scheduled', unpushed: { events: 2, commits: 1 } },
    ])
    const { commit } = await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => remote.head).toBe(commit)
  })

  it('takes along in one push what is committed while another is under way', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('while [ -e hold ]; do sleep 0.01; done')
    writeFileSync(`${remote.path}/hold`, '')
    const { log } = await openLog({ remote: remote.path, push: SOON })
    await eventually(pushes).toBe(1)
    let commit: string | undefined
    for (let at = 0; at < 5; at++) commit = (await log.append('a', [event()], { ack: 'committed' })).commit
    rmSync(`${remote.path}/hold`)
    await eventually(() => remote.head).toBe(commit)
    expect(pushes()).toBe(2)
  })

  it('tries again by itself when the remote comes back', async () => {
    const remote = new Remote()
    const { log, notices } = await openLog({ remote: remote.path, push: SOON })
    renameSync(remote.path, `${remote.path}.away`)
    const { commit } = await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => notices).toContainEqual(expect.objectContaining({ kind: 'push-failed' }))
    expect(log.status().remotes).toMatchObject([
      { phase: 'waiting', error: { kind: 'unknown', code: 'remote-failed' }, nextTryAt: expect.any(String) },
    ])
    renameSync(`${remote.path}.away`, remote.path)
    await eventually(() => remote.head).toBe(commit)
    await eventually(() => log.status().remotes).toMatchObject([{ phase: 'idle', error: undefined }])
  })

  it('leaves a remote that refuses alone, but pushes at once when somebody asks', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('[ -e open ] || exit 1')
    const { log, notices } = await openLog({ remote: remote.path, push: SOON })
    await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => notices).toMatchObject([{ kind: 'push-failed', failure: 'refused' }])
    for (let at = 0; at < 5; at++) await log.append('a', [event()], { ack: 'committed' })
    const [{ nextTryAt, phase }] = log.status().remotes as [never]
    expect(phase).toBe('waiting')
    expect(Date.parse(nextTryAt) - Date.now()).toBeGreaterThan(5000)
    expect(pushes()).toBe(1)
    writeFileSync(`${remote.path}/open`, '')
    expect(await log.push()).toEqual({ remote: remote.path, commit: remote.head, position: 6 })
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1e15])(
    'leaves a remote that refuses alone by a clock that says %d, and shows when it goes on',
    async (now) => {
      const remote = new Remote()
      const pushes = remote.countPushes('exit 1')
      const { log, path } = await openLog({})
      await log.append('a', [event()], { ack: 'committed' })
      const options = {
        readOnly: true,
        remote: remote.path,
        push: SOON,
        ports: { clock: { now: () => now } },
      }
      const { log: pushing, notices } = await openLog(options, path)
      await eventually(() => notices).toMatchObject([{ kind: 'push-failed', failure: 'refused' }])
      await expect(pushing.push()).rejects.toMatchObject({ kind: 'refused' })
      const [{ nextTryAt, phase, error }] = pushing.status().remotes as [never]
      expect(phase).toBe('waiting')
      expect(Date.parse(nextTryAt) - Date.now()).toBeGreaterThan(5000)
      expect(error).toMatchObject({ kind: 'refused', at: expect.stringMatching(/^2/) })
      expect(pushes()).toBe(2)
    },
  )

  it('keeps to its pause when the clock is set forward', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('exit 1')
    let ahead = 0
    const ports = { clock: { now: () => Date.now() + ahead } }
    const { log, notices } = await openLog({ remote: remote.path, push: SOON, ports })
    await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => notices).toMatchObject([{ kind: 'push-failed', failure: 'refused' }])
    ahead = 86_400_000
    for (let at = 0; at < 5; at++) await log.append('a', [event()], { ack: 'committed' })
    expect(log.status().remotes).toMatchObject([{ phase: 'waiting' }])
    expect(pushes()).toBe(1)
  })

  it('pushes when it is opened what an earlier process did not', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({})
    const { commit } = await log.append('a', [event()], { ack: 'committed' })
    await log.close()
    await openLog({ remote: remote.path, push: SOON }, path)
    await eventually(() => remote.head).toBe(commit)
  })

  it('pushes what others commit, though it only reads', async () => {
    const remote = new Remote()
    const { log, path } = await openLog({})
    await openLog({ readOnly: true, remote: remote.path, push: SOON }, path)
    const { commit } = await log.append('a', [event()], { ack: 'committed' })
    await eventually(() => remote.head).toBe(commit)
  })

  it('refuses to open for a remote that is not configured', async () => {
    await expect(openLog({ push: {} })).rejects.toMatchObject({ code: 'invalid-remote' })
  })

  it('says that its events may be larger than the host advises', async () => {
    const { log, path } = await openLog({})
    git(path, ['remote', 'add', 'origin', 'https://github.com/nobody/nothing.git'])
    await log.close()
    const options = { push: SELDOM, limits: { eventBytes: 5 << 20 } }
    const { notices } = await openLog({ ...options, readOnly: true }, path)
    expect(notices).toMatchObject([{ kind: 'push-advice', remote: 'origin' }])
  }, 30_000)

  it('says that a folder of the log has more files than the host advises', async () => {
    const { log, path } = await openLog({})
    git(path, ['remote', 'add', 'origin', 'https://git.example.org/nothing.git'])
    for (const number of [1, 2]) await log.append('a', [event(number)], { ack: 'committed' })
    await log.close()
    const push = { ...SELDOM, closeWithin: 1, hosts: { 'git.example.org': { directoryEntries: 1 } } }
    const { notices } = await openLog({ push, readOnly: true }, path)
    expect(notices).toMatchObject([
      { kind: 'push-advice', error: { message: expect.stringContaining('has 2 files') } },
    ])
  })
})

describe('close', () => {
  it('makes a last push', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path, push: SELDOM })
    const { position } = await log.append('a', [event()])
    await log.close()
    expect(gitText(remote.path, 'log', '-1', '--format=%s', MAIN)).toContain(`(${position})`)
  })

  it('does not push where nothing is pushed automatically', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path })
    await log.append('a', [event()])
    await log.close()
    expect(remote.head).toBe('')
  })

  it('says what stays unpushed, and loses nothing', async () => {
    const remote = new Remote()
    renameSync(remote.path, `${remote.path}.away`)
    const { log, path, notices } = await openLog({ remote: remote.path, push: SELDOM })
    await log.append('a', [event()])
    await log.close()
    expect(notices).toContainEqual(
      expect.objectContaining({ kind: 'unpushed', error: expect.objectContaining({ code: 'not-pushed' }) }),
    )
    await using again = await open(path, { readOnly: true })
    expect(again.status().events).toBe(1)
    renameSync(`${remote.path}.away`, remote.path)
  })

  it('cuts off a push that does not end in time', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('sleep 5')
    // A git takes a while to get there.
    const { log, notices } = await openLog({ remote: remote.path, push: { ...SELDOM, closeWithin: 2_000 } })
    await log.append('a', [event()])
    const started = performance.now()
    await log.close()
    expect(performance.now() - started).toBeLessThan(4500)
    expect(pushes()).toBe(1)
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'unpushed' }))
  })

  it('makes one push after the other, however soon the next one would be due', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('mkdir at-work || touch two-at-once; sleep 0.2; rmdir at-work')
    const { log, notices } = await openLog({ remote: remote.path, push: SOON })
    await eventually(pushes).toBe(1)
    const { position } = await log.append('a', [event()])
    await log.close()
    expect(existsSync(`${remote.path}/two-at-once`)).toBe(false)
    expect(existsSync(`${remote.path}/at-work`)).toBe(false)
    expect(gitText(remote.path, 'log', '-1', '--format=%s', MAIN)).toContain(`(${position})`)
    expect(notices).toEqual([])
  })

  it('answers those whose append waits for a push, or for the next', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('while [ -e hold ]; do sleep 0.01; done; exit 1')
    writeFileSync(`${remote.path}/hold`, '')
    const { log } = await openLog({ remote: remote.path })
    const append = async () => {
      const error = await log.append('a', [event()], { ack: 'pushed' }).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'not-pushed', cause: { kind: 'refused' } })
    }
    const first = append()
    await eventually(pushes).toBe(1)
    const second = append()
    await log.waitFor(2)
    await log.seal()
    const closed = log.close()
    rmSync(`${remote.path}/hold`)
    await Promise.all([first, second, closed])
    expect(pushes()).toBe(2)
  })
})

describe('mirrors', () => {
  it('get the same as the authority', async () => {
    const [authority, mirror] = [new Remote(), new Remote()]
    const { log } = await openLog({ remote: authority.path, push: { ...SOON, mirrors: [mirror.path] } })
    const { commit } = await log.append('a', [event()], { ack: 'pushed' })
    expect(authority.head).toBe(commit)
    await eventually(() => mirror.head).toBe(commit)
  })

  it('that fail hold up no append that waits for the authority', async () => {
    const [authority, mirror] = [new Remote(), new Remote()]
    mirror.hook('pre-receive', 'touch begun; while [ -e begun ]; do sleep 0.01; done; exit 1')
    const push = { ...SOON, mirrors: [mirror.path], closeWithin: 1 }
    const { log } = await openLog({ remote: authority.path, push })
    for (let at = 0; at < 3; at++) {
      const { commit } = await log.append('a', [event()], { ack: 'pushed' })
      expect(authority.head).toBe(commit)
    }
    const [first, second] = log.status().remotes
    expect(first).toMatchObject({ remote: authority.path, isAuthority: true })
    expect(second).toMatchObject({ remote: mirror.path, isAuthority: false, phase: 'pushing' })
  })

  it('get nothing while the authority has another history', async () => {
    const [authority, mirror] = [new Remote(), new Remote()]
    const theirs = authority.addForeignCommit()
    const { log } = await openLog({ remote: authority.path })
    await log.append('a', [event()])
    await expect(log.push()).rejects.toMatchObject({ kind: 'conflict' })
    await log.close()

    const again = await openLog({ remote: authority.path, push: { ...SELDOM, mirrors: [mirror.path] } })
    await expect(again.log.append('a', [event()], { ack: 'pushed' })).rejects.toMatchObject({
      code: 'not-pushed',
      outcome: 'absent',
    })
    expect(again.log.status().remotes.map(({ phase }) => phase)).toEqual(['waiting', 'held'])
    await again.log.close()
    expect([authority.head, mirror.head]).toEqual([theirs, ''])
  })

  it('are refused if one is named twice', async () => {
    const { path } = new Remote()
    await expect(openLog({ remote: path, push: { mirrors: [path] } })).rejects.toMatchObject({
      code: 'usage',
    })
  })
})
