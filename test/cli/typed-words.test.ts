import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeEmptyLog } from './empty-log.ts'
import { jsonLines, shell, temporaryFolder } from './program.ts'

async function emptyLog() {
  const folder = await temporaryFolder()
  await makeEmptyLog(join(folder.path, 'log.git'))
  return {
    run: (line: string) => shell(`memoir -C log.git ${line}`, { cwd: folder.path }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

describe.runIf(existsSync('/proc/self/cmdline'))('a command line in Latin-1', () => {
  test.each([
    [`append "caf$(printf '\\351')" Opened`, 'word 4 '],
    [`append s T --data "{\\"name\\":\\"Andr$(printf '\\351')\\"}"`, 'word 7 '],
    [`append s T --tag "caf$(printf '\\351')"`, 'word 7 '],
  ])('%s is refused, and nothing is stored', async (line, said) => {
    await using log = await emptyLog()
    expect(await log.run(line)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${said}of the command line is not UTF-8`),
    })
    expect((await log.run('read')).stdout).toBe('')
  })
})

test('what was typed in UTF-8 is taken, also where it holds U+FFFD', async () => {
  await using log = await emptyLog()
  expect(await log.run(`append 'café \ufffd' T`)).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines((await log.run('read --json')).stdout)).toMatchObject([{ stream: 'café \ufffd' }])
})
