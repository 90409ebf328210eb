import { execFileSync } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { temporaryFolder } from './program.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')

/** A log with an event, of which somebody else may not read a part. Root may read it all. */
async function hidden(part: string) {
  const own = await temporaryFolder()
  await chmod(own.path, 0o755)
  const path = join(own.path, 'log.git')
  const log = await open(path)
  await log.append('s', [{ type: 'T' }])
  await log.close()
  await chmod(join(path, part), 0o700)
  const run = (...words: string[]) => {
    const line = 'setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>&1; echo "code $?"'
    const all = ['-c', line, 'sh', process.execPath, MAIN, '-C', path, ...words]
    return execFileSync('sh', all, { encoding: 'utf8' })
  }
  return { run, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() }
}

describe.runIf(process.getuid?.() === 0)('a user who may not read (as root)', () => {
  test('the journal sees what is committed, and is told so', async () => {
    await using log = await hidden('memoir/journal')
    const said = log.run('read')
    expect(said).toContain('Only what is committed is shown. no permission for')
    expect(said).toMatch(/1 {2}T {2}s@1/)
    expect(said).toContain('code 0')
  })

  test('the objects is not told that they are damaged', async () => {
    await using log = await hidden('objects')
    const said = log.run('verify')
    expect(said).toContain('no permission for')
    expect(said).toContain('code 1')
  })
})
