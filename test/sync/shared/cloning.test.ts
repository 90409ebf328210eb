import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { currentProcess } from '../../../src/system/process-identity.ts'
import { gitText } from '../../log/event-log-fixture.ts'
import { SharedRemote } from './shared-fixture.ts'

test('what a process with the same number left of its clone is in nobody’s way', async () => {
  const remote = await SharedRemote.create()
  mkdirSync(`${remote.folder}/a.git.unfinished-${process.pid}/objects`, { recursive: true })
  const a = await remote.open('a')
  expect((await a.append('stream', [{ type: 'Counted' }])).position).toBe(1)
})

test('what a killed process left of its clone is removed, and nothing that one makes which runs', async () => {
  const remote = await SharedRemote.create()
  const us = currentProcess(0)
  for (const [name, owner] of Object.entries({ left: { ...us, started: '1' }, made: us })) {
    mkdirSync(`${remote.folder}/a.git.unfinished-${name}/a.git`, { recursive: true })
    writeFileSync(`${remote.folder}/a.git.unfinished-${name}/owner.json`, JSON.stringify(owner))
  }
  await remote.open('a')
  expect(readdirSync(remote.folder).filter((name) => name.startsWith('a.git'))).toEqual([
    'a.git',
    'a.git.unfinished-made',
  ])
})

test('a clone with another address for pushes is brought along from there, not from a mirror that lags behind', async () => {
  const remote = await SharedRemote.create()
  const mirror = `${remote.folder}/mirror.git`
  const path = `${remote.folder}/one.git`
  for (const copy of [mirror, path]) gitText(remote.folder, 'clone', '--quiet', '--bare', remote.path, copy)
  gitText(path, 'config', 'remote.origin.url', mirror)
  gitText(path, 'config', 'remote.origin.pushurl', remote.path)
  const log = await remote.open('one', { remote: 'origin' })
  await log.append('stream', [{ type: 'Counted' }])
  await log.pull()
  expect(await log.append('stream', [{ type: 'Counted' }])).toMatchObject({ position: 2 })
})

test('a remote that cannot be cloned leaves nothing behind', async () => {
  const remote = await SharedRemote.create()
  const options = { remote: `${remote.folder}/none.git` }
  await expect(remote.open('a', options)).rejects.toMatchObject({ code: 'remote-failed' })
  expect(readdirSync(remote.folder).filter((name) => name.startsWith('a.git'))).toEqual([])
})
