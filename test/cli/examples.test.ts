import { execFileSync } from 'node:child_process'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { open } from '../../src/memoir.ts'
import { memoir, shell, start, temporaryFolder, writeProjections } from './program.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const scenePath = () => join(folder.path, 'scene')
const originalPath = () => join(folder.path, 'original')

/** Makes what `scene` copies, where the copies will be. */
beforeAll(async () => {
  folder = await temporaryFolder()
  const cwd = join(scenePath(), 'bank')
  await mkdir(cwd, { recursive: true })
  const backup = join(scenePath(), 'backup.git')
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', backup])
  execFileSync('git', ['init', '-q', '-b', 'main', cwd])
  execFileSync('git', ['-C', cwd, 'remote', 'add', 'origin', backup])
  {
    await using log = await open(cwd)
    const deposit = (amount: number, time: string) => ({ type: 'MoneyDeposited', data: { amount }, time })
    await log.append('account-1', [
      { type: 'AccountOpened', time: '2026-10-01T00:00:00Z' },
      deposit(5, '2026-10-02T00:00:00Z'),
    ])
    await log.append('account-2', [deposit(7, '2026-10-03T00:00:00Z')])
    await log.push()
    await log.backup(join(scenePath(), 'bank-backup'))
  }
  await writeProjections(cwd)
  await writeFile(join(cwd, 'events.jsonl'), '{"stream":"account-3","type":"AccountOpened"}\n')
  await writeFile(join(cwd, 'cases.csv'), 'case,activity,when,who\n1,Opened,2026-11-02,ada\n')
  await rename(scenePath(), originalPath())
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A folder with everything that the examples name: the log is its repository, with a remote beside it. */
async function scene() {
  const path = scenePath()
  await cp(originalPath(), path, { recursive: true })
  return { cwd: join(path, 'bank'), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

describe.each(Object.entries(commands))('%s', async (name, { load }) => {
  const { examples } = await load()

  test('has an example', () => {
    expect(examples.length).toBeGreaterThan(0)
  })

  test.each(examples.map(({ run }) => run))('%s', async (line) => {
    await using own = await scene()
    if (name === 'tail' || name === 'follow') return expect(await follow(line, own.cwd)).toBe(130)
    const { code, stderr } = await shell(line, own)
    expect([code, stderr]).toEqual([0, ''])
  })

  test('shows its examples in its help', async () => {
    const { stdout } = await memoir([name, '--help'])
    for (const { run, text } of examples) expect(stdout).toContain(`  ${run}\n      ${text}`)
  })
})

/** Runs a command that follows the log until it has printed something; its exit code after Ctrl-C. */
async function follow(line: string, cwd: string): Promise<number | null> {
  const [, ...words] = line.split(' ')
  const tail = start(words, { cwd })
  await tail.prints('MoneyDeposited')
  tail.child.kill('SIGINT')
  return (await tail.ended).code
}
