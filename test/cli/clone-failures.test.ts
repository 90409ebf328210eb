import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/memoir.ts'
import { memoir, temporaryFolder } from './program.ts'

/** What is wrong here must not be told of the remote. */
describe.runIf(process.getuid?.() === 0)('a clone (as root)', () => {
  test('onto a full disk says so, without the progress that was made until then', async () => {
    await using own = await temporaryFolder()
    const cwd = own.path
    await using log = await open(join(cwd, 'log.git'))
    const data = randomBytes(300_000).toString('base64')
    for (let n = 0; n < 3; n++) await log.append('s', [{ type: 'T', data }], { ack: 'committed' })
    execFileSync('mkdir', [join(cwd, 'small')])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'memoir-test', join(cwd, 'small')])
    try {
      const { code, stderr } = await memoir(['clone', 'log.git', 'small/copy.git'], { cwd })
      expect([code, stderr]).toEqual([1, expect.stringContaining('no space left on the disk')])
      expect(stderr).not.toContain('(1/')
      expect(execFileSync('ls', ['-A', join(cwd, 'small')], { encoding: 'utf8' })).toBe('')
    } finally {
      execFileSync('umount', ['--lazy', join(cwd, 'small')])
    }
  })

  test('into a folder that may not be made names the folder', async () => {
    await using own = await temporaryFolder()
    await chmod(own.path, 0o555)
    await (await open(join(own.path, 'log.git'))).close()
    const words = ['clone', join(own.path, 'log.git'), join(own.path, 'copy.git')]
    const main = join(import.meta.dirname, '../../dist/cli/main.js')
    // Root may write anywhere, so somebody else has to try.
    const line = 'setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>&1; true'
    const said = execFileSync('sh', ['-c', line, 'sh', process.execPath, main, ...words], {
      encoding: 'utf8',
    })
    expect(said).toContain(`no permission for ${join(own.path, 'copy.git')}`)
    expect(said).not.toContain('does not trust us')
  })
})
