import { expect, test } from 'vitest'
import type { MemoirError } from '../../src/event/errors.ts'
import { clone, open } from '../../src/memoir.ts'
import { temporaryFolder } from '../log/log-fixture.ts'
import { gitText } from '../repository/real-git.ts'
import { BY_HAND, Scene } from './replica/replica-fixture.ts'
import { SharedRemote } from './shared/shared-fixture.ts'

const EVENT = { type: 'Counted' }

/** Does what the hint of an error says about a branch that was renamed. */
async function obey(call: Promise<unknown>, path: string, close = async () => {}): Promise<void> {
  const { code, hint } = (await call.catch((error) => error)) as MemoirError
  const [, from, to] = /\(git branch -m (\S+) (\S+)\)/.exec(hint ?? '') ?? []
  expect([code, from, to]).toEqual([
    expect.stringMatching(/^remote-/),
    expect.any(String),
    expect.any(String),
  ])
  await close()
  gitText(path, 'branch', '-m', from!, to!)
}

test('a shared log whose branch was renamed in a clone goes on with the others', async () => {
  const remote = await SharedRemote.create()
  const path = `${remote.folder}/one.git`
  await (await remote.open('one')).close()
  gitText(path, 'branch', '-m', 'main', 'trunk')
  await obey(remote.open('one'), path)
  const other = await remote.open('other')
  await other.append('a', [EVENT])
  const log = await remote.open('one')
  expect(await log.append('a', [EVENT])).toMatchObject({ position: 2 })
  expect(gitText(remote.path, 'branch', '--format=%(refname)')).toBe('refs/heads/main')
})

test('a shared log whose clone was left on another branch goes on with the others', async () => {
  const remote = await SharedRemote.create()
  const path = `${remote.folder}/one.git`
  await (await remote.open('one')).close()
  gitText(path, 'branch', 'side')
  gitText(path, 'symbolic-ref', 'HEAD', 'refs/heads/side')
  const { hint = '' } = (await remote.open('one').catch((error) => error)) as MemoirError
  gitText(path, ...(/git (symbolic-ref HEAD [^)]+)/.exec(hint)?.[1] ?? 'no command').split(' '))
  const log = await remote.open('one')
  expect(await log.append('a', [EVENT])).toMatchObject({ position: 1 })
  expect(gitText(remote.path, 'branch', '--format=%(refname)')).toBe('refs/heads/main')
})

test('a shared log whose branch was renamed on the remote goes on there', async () => {
  const remote = await SharedRemote.create()
  const path = `${remote.folder}/one.git`
  const log = await remote.open('one')
  await log.append('a', [EVENT])
  gitText(remote.path, 'branch', '-m', 'main', 'trunk')
  await obey(log.pull(), path, () => log.close())
  const renamed = await remote.open('one')
  expect(await renamed.append('a', [EVENT])).toMatchObject({ position: 2 })
  expect(gitText(remote.path, 'branch', '--format=%(refname)')).toBe('refs/heads/trunk')
})

test('a log is pulled from a branch that was renamed on the remote', async () => {
  const folder = temporaryFolder()
  const [remote, path] = [`${folder}/remote.git`, `${folder}/log.git`]
  await (await open(remote)).close()
  const log = await clone(remote, path)
  gitText(remote, 'branch', '-m', 'main', 'trunk')
  await obey(log.pull(), path, () => log.close())
  await using writer = await open(remote)
  await writer.append('a', [EVENT], { ack: 'committed' })
  await using renamed = await open(path)
  expect(await renamed.pull()).toMatchObject({ from: 0, to: 1 })
})

test('a replica goes on with a branch that was renamed on the remote', async () => {
  const scene = new Scene()
  await scene.deposit(1)
  const replica = await scene.follow(BY_HAND)
  gitText(scene.remote, 'branch', '-m', 'main', 'trunk')
  await obey(replica.pull(), scene.path, () => replica.close())
  await scene.deposit(2)
  const renamed = await scene.follow(BY_HAND)
  await renamed.pull()
  expect(renamed.status().events).toBe(2)
})

test('a name that a shell would obey is not put into a command', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  gitText(remote.path, 'branch', '-m', 'main', 'x;touch$IFS$(id)')
  const { code, hint } = (await log.pull().catch((error) => error)) as MemoirError
  expect([code, hint]).toEqual(['remote-emptied', expect.not.stringContaining('touch')])
})

test('a branch that is gone, and was not renamed, is to be pushed', async () => {
  const remote = await SharedRemote.create()
  const log = await remote.open('one')
  gitText(remote.path, 'update-ref', '-d', 'refs/heads/main')
  const { code, hint } = await log.pull().catch((error) => error)
  expect(code).toBe('remote-emptied')
  expect(hint).not.toContain('branch -m')
})
