import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What programs remember of a user must not be this user's: pins of replicas, for one. */
const state = mkdtempSync(join(tmpdir(), 'memoir-test-state-'))

export function teardown(): void {
  rmSync(state, { recursive: true, force: true })
}

/** Compiles the program once for all tests that run it, unless what is there is newer than its source. */
export function setup(): void {
  process.env.XDG_STATE_HOME = state
  const built = statSync(join(ROOT, 'dist/cli/main.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
  const newest = Math.max(...sources.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs))
  if (built >= newest) return
  // Types are the business of `npm run check`.
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  execFileSync(tsc, ['-p', 'tsconfig.build.json', '--noCheck'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
