import { mkdirSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { git } from '../repository/real-git.ts'
import { hangingGit, isRunning, type Place, pidOfGit, prepare } from './interrupted-fixture.ts'
import { memoir, start } from './program.ts'

test('a terminal that is closed ends a command with 129 and leaves no git behind', async () => {
  const place = await prepare()
  const { log, remote } = place
  git(log, ['remote', 'add', 'origin', remote])
  const { ended, pid } = await hangUp(place, 'push', ['-C', log, 'append', 's', 'Counted', '--ack', 'pushed'])
  expect(ended).toMatchObject({ code: 129, stdout: '' })
  expect(ended.stderr).toContain('interrupted by SIGHUP')
  expect(isRunning(pid)).toBe(false)
  expect(await memoir(['-C', log, 'push'])).toMatchObject({ code: 0 })
}, 60_000)

test('a terminal that is closed during a drill leaves no copy of the log behind', async () => {
  const place = await prepare()
  const { log, backup, folder } = place
  const temporary = `${folder}/tmp`
  mkdirSync(temporary)
  const { ended, pid } = await hangUp(place, 'index-pack', ['-C', log, 'drill', backup], {
    TMPDIR: temporary,
  })
  expect(ended).toMatchObject({ code: 129, stdout: '', stderr: '' })
  expect(isRunning(pid)).toBe(false)
  expect(readdirSync(temporary)).toEqual([])
}, 60_000)

test('an import from a terminal that is closed says how to go on', async () => {
  const { log } = await prepare()
  const tail = start(['-C', log, 'tail', '--json'])
  const importing = start(['-C', log, 'import', '-', '--format', 'jsonl', '--batch', '1'])
  importing.child.stdin.write('{"stream":"s","type":"Seventh"}\n')
  await tail.prints('"Seventh"')
  importing.child.kill('SIGHUP')
  expect(await importing.ended).toMatchObject({ code: 129, stderr: expect.stringContaining('--skip 1') })
  tail.child.kill('SIGHUP')
  expect(await tail.ended).toMatchObject({ code: 129, stderr: '' })
}, 60_000)

async function hangUp(
  place: Place,
  step: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const path = `${hangingGit(place.folder, step)}:${process.env.PATH}`
  const command = start(words, { env: { ...env, PATH: path } })
  const pid = await pidOfGit(place)
  command.child.kill('SIGHUP')
  return { ended: await command.ended, pid }
}
