import { cpSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stateDirectory } from '../../../src/sync/replica/pin.ts'
import { nodeFileSystem } from '../../../src/system/file-system.ts'
import { until } from '../../log/event-log-fixture.ts'
import { git } from '../../repository/real-git.ts'
import { type Call, FaultyFileSystem } from '../../system/faulty-file-system.ts'
import { BY_HAND, balances, replacedReplica, Scene } from './replica-fixture.ts'

/** A replica of three events, closed; its remote. */
async function closedReplica(): Promise<Scene> {
  const scene = new Scene()
  await scene.deposit(1, 2, 3)
  await (await scene.follow(BY_HAND)).close()
  return scene
}

const REPLACED = { code: 'replica-replaced' }

describe('a replica that was tampered with while it was closed', () => {
  test('is noticed when it was rewound', async () => {
    const scene = await closedReplica()
    git(scene.path, ['update-ref', 'refs/heads/main', 'main~1'])
    await expect(scene.follow()).rejects.toMatchObject(REPLACED)
  })

  test('is noticed when an older copy was put in its place, without the objects', async () => {
    const scene = await replacedReplica()
    await expect(scene.follow()).rejects.toMatchObject(REPLACED)
  })

  test('is noticed, and its lock given back, on a disk that fails to close a file', async () => {
    const scene = await replacedReplica({ snapshot: { everyEvents: 1 } })
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    const isOfSnapshot = ({ method, path }: Call) => method === 'close' && path.endsWith('.snapshot')
    const effect = { kind: 'error', code: 'EIO', late: true } as const
    fileSystem.fail({ on: isOfSnapshot, nth: 2, effect })
    await expect(scene.follow({ ports: { fileSystem } })).rejects.toMatchObject(REPLACED)
    expect(fileSystem.calls.filter(isOfSnapshot)).toHaveLength(2)
    await expect(scene.follow()).rejects.toMatchObject(REPLACED)
  })

  test('is named by the path under which it is followed, which a link may be', async () => {
    const scene = await replacedReplica()
    const place = `${scene.path}.moved`
    renameSync(scene.path, place)
    symlinkSync(place, scene.path)
    const hint = expect.stringMatching(`memoir -C ${scene.path} accept-rewrite$`)
    await expect(scene.follow()).rejects.toMatchObject({ ...REPLACED, hint })
  })

  test('is noticed when another log was put in its place', async () => {
    const scene = await closedReplica()
    const other = await closedReplica()
    rmSync(scene.path, { recursive: true })
    cpSync(other.path, scene.path, { recursive: true })
    await expect(scene.follow()).rejects.toMatchObject(REPLACED)
  })

  test('is noticed when its branch was taken away and the remote was rewritten', async () => {
    const scene = await closedReplica()
    git(scene.path, ['update-ref', '-d', 'refs/heads/main'])
    git(scene.remote, ['update-ref', 'refs/heads/main', 'main~1'])
    await scene.deposit(9)
    await expect(scene.follow()).rejects.toMatchObject({ code: 'remote-rewritten' })
  })

  test('is made anew when it was deleted, if the remote holds what it held', async () => {
    const scene = await closedReplica()
    rmSync(scene.path, { recursive: true })
    await scene.deposit(4)
    const replica = await scene.follow()
    expect(replica.state(balances)).toEqual(new Map([['account', 10]]))
  })

  test('is not made anew from a remote that no longer holds what it held', async () => {
    const scene = await closedReplica()
    rmSync(scene.path, { recursive: true })
    git(scene.remote, ['update-ref', 'refs/heads/main', 'main~1'])
    await expect(scene.follow()).rejects.toMatchObject({ code: 'remote-rewritten' })
  })

  test('gives its path to a replica of another log when it was deleted', async () => {
    const scene = await closedReplica()
    rmSync(scene.path, { recursive: true })
    rmSync(scene.remote, { recursive: true })
    await scene.deposit(5)
    const replica = await scene.follow()
    expect(replica.state(balances)).toEqual(new Map([['account', 5]]))
  })
})

describe('the pin of a replica', () => {
  test('follows the branch', async () => {
    const scene = await closedReplica()
    const replica = await scene.follow(BY_HAND)
    await scene.deposit(4)
    await replica.pull()
    await replica.close()
    git(scene.path, ['update-ref', 'refs/heads/main', 'main~1'])
    await expect(scene.follow()).rejects.toMatchObject(REPLACED)
  })

  test('that is damaged counts as none', async () => {
    const scene = await closedReplica()
    const pins = join(scene.stateDirectory, 'replicas')
    for (const name of readdirSync(pins)) writeFileSync(join(pins, name), '{')
    await scene.follow()
  })

  test('that cannot be written is told, and the replica goes on', async () => {
    const scene = new Scene()
    await scene.deposit(1)
    writeFileSync(scene.stateDirectory, 'a file, not a folder')
    await expect(scene.follow(BY_HAND)).rejects.toMatchObject({ code: 'file-failed' })
    rmSync(scene.stateDirectory)
    const replica = await scene.follow(BY_HAND)
    await until(() => readdirSync(scene.folder).includes('state'))
    rmSync(scene.stateDirectory, { recursive: true })
    writeFileSync(scene.stateDirectory, 'a file, not a folder')
    await scene.deposit(2)
    await replica.pull()
    expect(replica.state(balances)).toEqual(new Map([['account', 3]]))
    await until(() => scene.notices.some(({ kind }) => kind === 'pin-failed'))
  })

  test.each([
    { given: '/var/state', directory: '/var/state/memoir' },
    { given: 'relative', directory: expect.stringMatching(/\/\.local\/state\/memoir$/) },
    { given: undefined, directory: expect.stringMatching(/\/\.local\/state\/memoir$/) },
  ])('is kept in $directory when XDG_STATE_HOME is $given', ({ given, directory }) => {
    expect(stateDirectory(given === undefined ? {} : { XDG_STATE_HOME: given })).toEqual(directory)
  })
})

test('a replica whose clock says no time any more shows that of the system', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  let isWrong = false
  const clock = { now: () => (isWrong ? Number.NaN : Date.now()) }
  const replica = await scene.follow({ ...BY_HAND, ports: { clock } })
  await replica.pull()
  isWrong = true
  await replica.pull()
  const { lastAnswer, lag } = replica.status().replica
  expect(lastAnswer).toMatch(/^2/)
  expect(lag.seconds).toBeGreaterThanOrEqual(0)
})
