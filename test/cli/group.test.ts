import { execFileSync } from 'node:child_process'
import { chmod, chown } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './program.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const GROUP = 64_321

/** A log in a repository that git shares with a group, and a way to run commands as users of it. */
async function sharedLog(umask: string) {
  const own = await temporaryFolder()
  await chown(own.path, 64_001, GROUP)
  await chmod(own.path, 0o2775)
  const path = join(own.path, 'log.git')
  const run = (user: number, umask: string, ...command: string[]) => {
    const line = `umask ${umask}; setpriv --reuid=${user} --regid=${GROUP} --clear-groups "$@" 2>&1; echo "code $?"`
    return execFileSync('sh', ['-c', line, 'sh', ...command], { encoding: 'utf8' })
  }
  run(64_001, '022', 'git', 'init', '--quiet', '--bare', '--shared=group', '--initial-branch=main', path)
  run(64_001, umask, process.execPath, MAIN, 'init', path)
  const memoir = (user: number, ...words: string[]) =>
    run(user, umask, process.execPath, MAIN, '-C', path, ...words)
  return { memoir, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() }
}

describe.runIf(process.getuid?.() === 0)('a repository that a group shares (as root)', () => {
  test('is written by its users in turn where their umask leaves the group its rights', async () => {
    await using log = await sharedLog('002')
    for (const user of [64_001, 64_002]) {
      for (const words of [['append', 's', 'T'], ['append', 's', 'T'], ['fold'], ['maintain']]) {
        expect(log.memoir(user, ...words)).toContain('code 0')
      }
    }
    expect(log.memoir(64_001, 'append', 's', 'T')).toContain('5  T  s@5')
  }, 60_000)

  test('is refused by name to all but the first where their umask takes these rights away', async () => {
    await using log = await sharedLog('022')
    expect(log.memoir(64_002, 'append', 's', 'T')).toMatch(
      /^memoir: no permission for .*memoir.*\n(.*\n)*code 1/,
    )
    expect(log.memoir(64_001, 'append', 's', 'T')).toContain('code 0')
  }, 60_000)
})
