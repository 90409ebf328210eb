import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const RUNNER = new URL('../../dist/repository/runner.js', import.meta.url).href

test('a process that has no descriptors left for git gets an error, and goes on', () => {
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { GitRunner } from ${JSON.stringify(RUNNER)}
    const open = []
    try { for (;;) open.push(openSync('/dev/null', 'r')) } catch {}
    for (let spare = 0; spare < 3; spare++) closeSync(open.pop())
    const runner = new GitRunner()
    const failed = await runner.run(['--version']).catch((error) => error)
    console.log(failed.code, failed.cause?.code)
    for (const descriptor of open) closeSync(descriptor)
    console.log(String((await runner.run(['--version'])).stdout).slice(0, 11))`
  const args = ['-c', 'ulimit -n 60; exec "$0" --input-type=module -e "$1"', process.execPath, script]
  const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toBe('git-failed EMFILE\ngit version\n')
})
