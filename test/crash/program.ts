import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const BUILDS = join(PROJECT, '.build/crash')
const HOUR_MS = 3_600_000

let build: string | undefined

/**
 * Compiles the programs that tests start, and all they use, unless that has been done for these very sources.
 *
 * @param name of its source, such as `crash/writer`
 * @returns the path of a program for plain Node
 */
export function testProgram(name: string): string {
  build ??= compiled()
  return join(build, `test/${name}.js`)
}

function compiled(): string {
  const folder = join(BUILDS, sourcesKey())
  if (!existsSync(folder)) compile(folder)
  return folder
}

function compile(folder: string): void {
  mkdirSync(BUILDS, { recursive: true })
  // Those of other sources; young ones may be in use.
  for (const name of readdirSync(BUILDS)) {
    const old = join(BUILDS, name)
    if (Date.now() - statSync(old).mtimeMs > HOUR_MS) rmSync(old, { recursive: true, force: true })
  }
  const temporary = mkdtempSync(join(BUILDS, 'unfinished-'))
  const tsc = join(PROJECT, 'node_modules/.bin/tsc')
  execFileSync(tsc, ['-p', 'test/crash/tsconfig.json', '--outDir', temporary], { cwd: PROJECT })
  try {
    renameSync(temporary, folder)
  } catch (error) {
    // Another test file was quicker.
    rmSync(temporary, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

function sourcesKey(): string {
  const files = ['src', 'test/crash', 'test/network'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map(({ parentPath, name }) => join(parentPath, name)),
  )
  const hash = createHash('sha256')
  for (const file of files.sort()) {
    const { mtimeMs, size } = statSync(file)
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}
