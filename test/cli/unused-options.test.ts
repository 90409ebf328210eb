import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { git } from '../repository/real-git.ts'
import { memoir, temporaryFolder, writeProjections } from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let cwd: string

beforeAll(async () => {
  folder = await temporaryFolder()
  cwd = folder.path
  await memoir(['init', 'log.git'], { cwd })
  git(cwd, ['init', '--quiet', '--bare', '--initial-branch=main', 'remote.git'])
  git(`${cwd}/log.git`, ['remote', 'add', 'origin', `${cwd}/remote.git`])
  await memoir(['-C', 'log.git', 'append', 's', 'T', '--ack', 'pushed'], { cwd })
  await memoir(['-C', 'log.git', 'backup', 'backup'], { cwd })
  await writeProjections(cwd)
})
afterAll(() => folder[Symbol.asyncDispose]())

describe('what means nothing for what was asked is refused', () => {
  test.each([
    [['-C', 'log.git', 'follow', 'remote.git'], '-C'],
    [['-C', 'log.git', 'clone', 'remote.git'], '-C'],
    [['-C', 'log.git', 'restore', 'backup', 'restored.git'], '-C'],
    [['-C', 'log.git', 'init', 'other.git'], '-C'],
    [['follow', 'remote.git', '--status', '-n', '3'], '--lines goes without --status'],
    [['follow', 'remote.git', '--status', '--type', 'T'], '--type goes without --status'],
    [['follow', 'remote.git', '--status', '--tag', 'a'], '--tag goes without --status'],
    [['follow', 'remote.git', '--status', '--prefix', 'a'], '--prefix goes without --status'],
    [['-C', 'log.git', 'tail', '--from', '1', '-n', '3'], '--from'],
  ])('%j', async (words, said) => {
    const before = readdirSync(cwd)
    const { code, stdout, stderr } = await memoir(words, { cwd })
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(said)])
    expect(readdirSync(cwd)).toEqual(before)
  })
})

describe('an empty text, as of a variable that is not set, is not taken for one that was left out', () => {
  test.each([
    [['-C', 'log.git', 'append', 's', 'T', '--shared', '--remote', '']],
    [['-C', 'log.git', 'sync', '']],
    [['-C', 'log.git', 'pending', 'withdraw', 'x', '--remote', '']],
    [['-C', 'log.git', 'conflicts', 'drop', 'x', '--remote', '']],
    [['-C', 'log.git', 'accept-rewrite', '--remote', '']],
    [['-C', 'log.git', 'drill', '--projections', '']],
    [['init', '']],
  ])('%j', async (words) => {
    const env = { MEMOIR_PROJECTIONS: `${cwd}/projections.mjs` }
    const { code, stdout, stderr } = await memoir(words, { cwd, env })
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('""')])
  })
})
