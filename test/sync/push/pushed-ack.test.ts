import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { event, eventually, openLog, Remote } from './push-fixture.ts'

describe("append with ack 'pushed'", () => {
  it('resolves when the remote has it', async () => {
    const remote = new Remote()
    const { log } = await openLog({ remote: remote.path })
    const { commit, position } = await log.append('a', [event()], { ack: 'pushed' })
    expect(position).toBe(1)
    expect(remote.has(commit!)).toBe(true)
  })

  it('shares one push with all that wait at the same time', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes()
    const { log } = await openLog({ remote: remote.path })
    const appends = Array.from({ length: 300 }, async (_, at) => {
      const { commit } = await log.append(`stream-${at % 7}`, [event(at)], { ack: 'pushed' })
      return commit
    })
    const commits = new Set(await Promise.all(appends))
    for (const commit of commits) expect(remote.has(commit!)).toBe(true)
    expect(pushes()).toBeLessThanOrEqual(4)
  })

  it('shares the next push when it comes while one is under way, and each is there when told so', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes()
    const { log } = await openLog({ remote: remote.path })
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let at = 0; at < 4; at++) {
        const { commit } = await log.append(`client-${client}`, [event(at)], { ack: 'pushed' })
        expect(remote.has(commit!)).toBe(true)
      }
    })
    await Promise.all(clients)
    expect(pushes()).toBeLessThan(32)
  })

  it('is known not to be there when the remote declines', async () => {
    const remote = new Remote()
    remote.hook('pre-receive', 'exit 1')
    const { log } = await openLog({ remote: remote.path })
    await expect(log.append('a', [event()], { ack: 'pushed' })).rejects.toMatchObject({
      code: 'not-pushed',
      outcome: 'absent',
      position: 1,
      hint: expect.stringContaining('Do not append them again'),
      cause: { kind: 'refused' },
    })
    expect(log.status().events).toBe(1)
  })

  it('forces nothing when the remote has other commits, and says what to do', async () => {
    const remote = new Remote()
    const theirs = remote.addForeignCommit()
    const { log } = await openLog({ remote: remote.path })
    await expect(log.append('a', [event()], { ack: 'pushed' })).rejects.toMatchObject({
      code: 'not-pushed',
      outcome: 'absent',
      hint: expect.stringContaining('Never force'),
      cause: { kind: 'conflict' },
    })
    expect(remote.head).toBe(theirs)
    expect(log.status().remotes).toMatchObject([{ head: { commit: theirs }, unpushed: { events: 1 } }])
  })

  it('says that it may be there when the remote dies each time', async () => {
    const remote = new Remote()
    remote.hook('pre-receive', 'kill -9 $PPID')
    const { log } = await openLog({ remote: remote.path })
    await expect(log.append('a', [event()], { ack: 'pushed' })).rejects.toMatchObject({
      code: 'not-pushed',
      outcome: 'unknown',
      message: expect.stringContaining('may or may not'),
    })
  })

  it('succeeds when the remote took it and died before it said so', async () => {
    const remote = new Remote()
    remote.hook('post-receive', 'kill -9 $(ps -o ppid= -p $PPID)')
    const { log } = await openLog({ remote: remote.path })
    const { commit } = await log.append('a', [event()], { ack: 'pushed' })
    expect(remote.head).toBe(commit)
  })

  it('cuts the push off and keeps the events when its caller gives up', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('while [ -e pushes ]; do sleep 0.01; done')
    const { log } = await openLog({ remote: remote.path })
    const controller = new AbortController()
    const { signal } = controller
    const appended = log.append('a', [event()], { ack: 'pushed', signal }).catch((error: unknown) => error)
    await eventually(pushes).toBe(1)
    controller.abort(new Error('enough'))
    expect(await appended).toMatchObject({
      code: 'not-pushed',
      outcome: 'unknown',
      position: 1,
      message: expect.stringContaining('enough'),
    })
    await eventually(() => log.status().remotes.map(({ phase }) => phase)).toEqual(['idle'])
    expect(log.status()).toMatchObject({ events: 1, remotes: [{ error: undefined }] })
    remote.hook('pre-receive', 'exit 0')
    expect((await log.push()).commit).toBe(remote.head)
  })

  it('stores nothing when its caller gave up before', async () => {
    const { log } = await openLog({ remote: new Remote().path })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(log.append('a', [event()], { ack: 'pushed', signal })).rejects.toThrow('enough')
    await expect(log.append([{ stream: 'a', events: [event()] }], { signal })).rejects.toThrow('enough')
    expect(log.status().events).toBe(0)
  })
})

describe('push', () => {
  it('that its caller gives up ends git, and counts as no failure', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('while [ -e pushes ]; do sleep 0.01; done')
    const { log } = await openLog({ remote: remote.path })
    await log.append('a', [event()])
    const controller = new AbortController()
    const push = log.push(undefined, { signal: controller.signal })
    const failed = expect(push).rejects.toThrow('enough')
    await eventually(pushes).toBe(1)
    controller.abort(new Error('enough'))
    await failed
    rmSync(join(remote.path, 'pushes'))
    await eventually(() => log.status().remotes.map(({ phase }) => phase)).toEqual(['idle'])
    expect(log.status().remotes).toMatchObject([{ error: undefined }])
  })

  it('that one of two callers gives up goes on for the other', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes('while [ -e pushes ]; do sleep 0.01; done')
    const { log } = await openLog({ remote: remote.path })
    await log.append('a', [event()])
    const controller = new AbortController()
    const given = expect(log.push(undefined, { signal: controller.signal })).rejects.toThrow('enough')
    const other = log.push()
    await eventually(pushes).toBe(1)
    controller.abort(new Error('enough'))
    await given
    rmSync(join(remote.path, 'pushes'))
    expect((await other).commit).toBe(remote.head)
  })

  it('is made for a caller who comes while one that was given up still ends', async () => {
    const remote = new Remote()
    const pushes = remote.countPushes(
      "[ -e given-up ] || { trap '' TERM; while [ -e pushes ]; do sleep 0.01; done; }",
    )
    const { log } = await openLog({ remote: remote.path })
    await log.append('a', [event()])
    const controller = new AbortController()
    const given = expect(log.push(undefined, { signal: controller.signal })).rejects.toThrow('enough')
    await eventually(pushes).toBe(1)
    writeFileSync(join(remote.path, 'given-up'), '')
    controller.abort(new Error('enough'))
    expect((await log.push()).commit).toBe(remote.head)
    await given
  })

  it('to a remote that is not configured says so', async () => {
    const { log } = await openLog({})
    await expect(log.push()).rejects.toMatchObject({ code: 'invalid-remote' })
  })
})
