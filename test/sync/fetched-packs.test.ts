import { join } from 'node:path'
import { expect, it } from 'vitest'
import { clone, open } from '../../src/memoir.ts'
import { restore, standby } from '../../src/restore.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import { depositTo, Scene } from './replica/replica-fixture.ts'
import { SharedRemote } from './shared/shared-fixture.ts'

/** Each brings commits that git wrote, through a file system that keeps a record. */
const WAYS: Readonly<Record<string, (fileSystem: FaultyFileSystem) => Promise<void>>> = {
  async 'a pull'(fileSystem) {
    const scene = new Scene()
    await scene.deposit(1)
    await (await clone(scene.remote, scene.path)).close()
    await scene.deposit(2)
    await using log = await open(scene.path, { ports: { fileSystem } })
    expect(await log.pull()).toMatchObject({ from: 1, to: 2 })
  },
  async 'a replica'(fileSystem) {
    const scene = new Scene()
    await scene.deposit(1)
    await (await scene.follow()).close()
    await scene.deposit(2)
    const replica = await scene.follow({ ports: { fileSystem } })
    await replica.waitFor(2)
  },
  async 'a shared log'(fileSystem) {
    const remote = await SharedRemote.create()
    const ours = await remote.open('ours', { ports: { fileSystem } })
    const theirs = await remote.open('theirs')
    await theirs.append('account', [{ type: 'MoneyDeposited' }])
    await ours.pull()
    expect(ours.status().positions.branch).toBe(1)
  },
  async 'a standby'(fileSystem) {
    const directory = temporaryFolder()
    const path = join(temporaryFolder(), 'standby.git')
    await using log = await open(join(temporaryFolder(), 'log.git'))
    await depositTo(log, 1)
    await log.backup(directory)
    await restore(directory, path)
    await depositTo(log, 2)
    await log.backup(directory)
    const controller = new AbortController()
    const onStep = () => controller.abort()
    await standby(directory, path, { signal: controller.signal, pollMs: 5, ports: { fileSystem }, onStep })
  },
}

it.each(Object.keys(WAYS))(
  '%s has the names of packs on the disk before a ref leads to them',
  async (way) => {
    const fileSystem = new FaultyFileSystem(nodeFileSystem)
    await WAYS[way]!(fileSystem)
    const { calls } = fileSystem
    const synced = calls.findIndex(
      ({ method, path }) => method === 'syncDirectory' && path.endsWith('/objects/pack'),
    )
    const led = calls.findIndex(
      ({ method, to }) => method === 'rename' && /\/refs\/(memoir\/incoming|heads\/main)$/.test(to ?? ''),
    )
    expect(synced).toBeGreaterThan(-1)
    expect(led).toBeGreaterThan(synced)
  },
)

it('a clone has its names on the disk before anything is appended to it', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  await using log = await clone(scene.remote, scene.path, { ports: { fileSystem } })
  await log.append('account', [{ type: 'MoneyDeposited' }])
  const { calls } = fileSystem
  const appended = calls.findIndex(({ method, path }) => method === 'write' && path.includes('/journal/'))
  const before = calls.slice(0, appended).filter(({ method }) => method === 'syncDirectory')
  const synced = before.map(({ path }) => path)
  for (const folder of ['objects/pack', 'objects', 'refs/heads', '.']) {
    expect(synced).toContain(join(scene.path, folder))
  }
})
