import { expect, it, onTestFinished } from 'vitest'
import { Assembly } from '../../src/assembly.ts'
import { clone, open } from '../../src/memoir.ts'
import { pull } from '../../src/sync/pull.ts'
import { admit, compare, fetchIncoming } from '../../src/sync/replica/gate.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { git, gitText } from '../repository/real-git.ts'
import { Scene } from './replica/replica-fixture.ts'

const PORTS = { fileSystem: nodeFileSystem, clock: systemClock }

/** Puts commits without events on the branch of a remote: a line that takes longer to check than a seal takes. */
function addEmptyCommits(path: string, count: number): void {
  const head = gitText(path, 'rev-parse', 'main')
  const commits = Array.from({ length: count }, (_, n) => {
    const from = n === 0 ? `from ${head}\n` : ''
    return `commit refs/heads/main\ncommitter A <a@example.org> ${1_800_000_000 + n} +0000\ndata 0\n${from}\n`
  })
  git(path, ['fast-import', '--quiet'], { input: commits.join('') })
}

it('what is sealed while a pull checks what came stays, and the pull says that the two have forked', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  await (await clone(scene.remote, scene.path)).close()
  await scene.deposit(2)
  addEmptyCommits(scene.remote, 1000)
  const assembly = await Assembly.open(scene.path, { watch: false })
  onTestFinished(() => assembly.close())
  const { opened } = assembly
  const incoming = (await fetchIncoming(opened.repository, 'origin', PORTS))!
  const admitting = admit(opened, incoming, await compare(opened, incoming, undefined))
  const admitted = admitting.catch((error: unknown) => error)
  const events = [{ type: 'MoneyDeposited', data: { amount: 3 } }]
  const { commit } = await opened.log.append([{ stream: 'mine', events }], undefined, 'committed')
  expect(await admitted).toMatchObject({ code: 'ref-moved' })
  expect(gitText(scene.path, 'rev-parse', 'main')).toBe(commit)
  expect(opened.log.streams().map(({ stream }) => stream)).toEqual(['account', 'mine'])
  await expect(pull(opened, 'origin', PORTS)).rejects.toMatchObject({ code: 'history-forked' })
})

it('what is appended while a pull fetches and waits for its commit has forked from what comes', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  await (await clone(scene.remote, scene.path)).close()
  await scene.deposit(2)
  await using log = await open(scene.path, { watch: false, seal: { afterMs: 3_600_000 } })
  let appended: Promise<unknown> | undefined
  const onProgress = () => {
    appended ??= log.append('mine', [{ type: 'MoneyDeposited', data: { amount: 3 } }])
  }
  await expect(log.pull('origin', { onProgress })).rejects.toMatchObject({ code: 'history-forked' })
  expect(await appended).toMatchObject({ position: 2 })
})

it('pulls that are made at once all end where the remote is', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  await using log = await clone(scene.remote, scene.path)
  for (let round = 0; round < 3; round++) {
    const position = await scene.deposit(2, 3)
    const pulled = await Promise.all([log.pull(), log.pull(), log.pull()])
    expect(pulled.map(({ to }) => to)).toEqual([position, position, position])
  }
})
