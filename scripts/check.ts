// `npm run check`: everything about the project that can be told without running it. Every check runs, also after
// one that failed; only those that fail say more than a line.
import { spawnSync } from 'node:child_process'
import { checkPackage } from './check-package.ts'
import { checkSource } from './check-source.ts'
import { checkTracked } from './check-tracked.ts'

/** What a check found wrong, as text for people; empty if nothing. */
type Check = () => string | Promise<string>

const project = process.cwd()

const CHECKS: Readonly<Record<string, Check>> = {
  types: () => run('tsc', '-p', 'tsconfig.json'),
  'format and lint': () => run('biome', 'check', '--error-on-warnings', '--max-diagnostics=200'),
  'unused code': () => run('knip', '--no-progress', '--no-config-hints'),
  'layers, cycles, ports': () => checkSource(project).join('\n'),
  'tracked files': () => checkTracked(project).join('\n'),
  'package shape': async () => (await checkPackage(project)).join('\n'),
}

/** Runs a program of node_modules/.bin, which npm puts on the PATH. */
function run(program: string, ...args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd: project, encoding: 'utf8' })
  if (status === 0) return ''
  return (
    `${stdout ?? ''}${stderr ?? ''}`.trim() || `${program} failed: ${error?.message ?? `exit code ${status}`}`
  )
}

async function findingsOf(check: Check): Promise<string> {
  try {
    return await check()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const failed: string[] = []
for (const [name, check] of Object.entries(CHECKS)) {
  const started = performance.now()
  const findings = await findingsOf(check)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${findings ? 'FAILED' : 'ok    '}  ${name}  (${seconds} s)`)
  if (findings) {
    console.log(`\n${findings}\n`)
    failed.push(name)
  }
}
if (failed.length > 0) {
  console.error(`Failed: ${failed.join('; ')}.`)
  process.exitCode = 1
}
