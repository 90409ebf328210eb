import { describe, expect, test } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { event } from '../../log/event-log-fixture.ts'
import { SharedRemote } from './shared-fixture.ts'

const OFFLINE = { ack: 'committed' } as const

describe('the place of an append that was given up', () => {
  test('is in nobody’s way, also while the remote cannot be reached', async () => {
    const remote = await SharedRemote.create()
    const log = await remote.open('one')
    remote.cut('one')
    const ending = new AbortController()
    const given = log.append('a', [event(1)], { expectedVersion: 'no-stream', signal: ending.signal })
    const isGivenUp = expect(given).rejects.toMatchObject({ code: 'not-confirmed', mayBeStored: false })
    await expect.poll(() => log.status().shared?.phase, { timeout: 20_000 }).toBe('backing off')
    ending.abort(new Error('enough'))
    await isGivenUp
    const again = log.append('a', [event(1)], { ...OFFLINE, expectedVersion: 'no-stream' })
    expect(await again).toMatchObject({ isProvisional: true })
  })

  test('is not taken back while another append is held against those that wait', async () => {
    const remote = await SharedRemote.create()
    const alone = await open(remote.path, { seal: { afterMs: 1 } })
    const stored = Array.from({ length: 100 }, (_, at) => event(at, { id: `stored-${at}` }))
    for (const one of stored) await alone.append('stored', [one], { ack: 'committed' })
    await alone.close()
    await (await remote.open('one')).close()
    remote.cut('one')
    const log = await remote.open('one')
    const ending = new AbortController()
    const given = log.append('b', [event(1)], { signal: ending.signal })
    const isGivenUp = expect(given).rejects.toMatchObject({ code: 'not-confirmed' })
    ending.abort(new Error('enough'))
    await isGivenUp
    const first = log.append('a', [event(2)], { ...OFFLINE, expectedVersion: 'no-stream' })
    const second = log.append('a', [event(3)], { ...OFFLINE, expectedVersion: 'no-stream' })
    const isRefused = second.then(
      () => false,
      ({ code }) => code === 'concurrency',
    )
    // Its events are looked for, a file each, while the next round begins.
    const repeated = log.append('stored', stored, OFFLINE)
    await new Promise((resolve) => setImmediate(resolve))
    await log.push().catch(() => undefined)
    expect(await Promise.all([first, repeated])).toMatchObject([{ isProvisional: true }, { position: 100 }])
    expect(await isRefused).toBe(true)
  })
})
