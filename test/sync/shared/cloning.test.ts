import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { currentProcess } from '../../../src/system/process-identity.ts'
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

test('a remote that cannot be cloned leaves nothing behind', async () => {
  const remote = await SharedRemote.create()
  const options = { remote: `${remote.folder}/none.git` }
  await expect(remote.open('a', options)).rejects.toMatchObject({ code: 'remote-failed' })
  expect(readdirSync(remote.folder).filter((name) => name.startsWith('a.git'))).toEqual([])
})
