import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { memoir, temporaryFolder } from './program.ts'

const git = (cwd: string, ...words: string[]) => execFileSync('git', words, { cwd, encoding: 'utf8' })

test('checks out the files of a log beside what is staged, so that the next commit does not remove them', async () => {
  await using own = await temporaryFolder()
  const cwd = own.path
  git(cwd, 'init', '-q')
  await writeFile(join(cwd, 'thesis.txt'), 'x')
  git(cwd, 'add', 'thesis.txt')
  expect((await memoir(['init'], { cwd })).code).toBe(0)
  expect(git(cwd, 'status', '--porcelain')).toBe('A  thesis.txt\n')
})

test.each(['.gitattributes', 'memoir.yaml', 'events'])(
  'begins no log where the user has something called %s',
  async (name) => {
    await using own = await temporaryFolder()
    const cwd = own.path
    git(cwd, 'init', '-q')
    await writeFile(join(cwd, name), '*.png binary\n')
    const { code, stderr } = await memoir(['init'], { cwd })
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${name} is there already`)])
    expect(git(cwd, 'for-each-ref')).toBe('')
  },
)

test('says what is there beside a process that writes to the log', async () => {
  await using own = await temporaryFolder()
  const path = join(own.path, 'log.git')
  await using log = await open(path)
  await log.append('s', [{ type: 'T' }], { ack: 'committed' })
  const { code, stdout, stderr } = await memoir(['init', path])
  expect([code, stdout, stderr]).toEqual([0, `Log "log" in ${path}, jsonl, 1 event\n`, ''])
})
