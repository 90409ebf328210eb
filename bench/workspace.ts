import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sizes } from './sizes.ts'

/** A temporary folder for one group of measurements, and how much they are to do. */
export class Workspace implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), 'memoir-bench-'))

  /** @param say tells what is being done, for those who wait */
  constructor(
    readonly sizes: Sizes,
    readonly say: (text: string) => void,
  ) {}

  path(name: string): string {
    return join(this.folder, name)
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true })
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const MOST_OUTPUT = 1 << 30

/** Runs git, with no configuration but the repository's: its standard output. */
export function git(directory: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', directory, ...args], {
    encoding: 'utf8',
    env: GIT_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: MOST_OUTPUT,
  }).trimEnd()
}

export const GIT_ENVIRONMENT = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@localhost',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@localhost',
}

/**
 * Runs one of the `…-child` modules of this folder in a process of its own, and gives what it prints. What is
 * to be measured cold has to be measured where nothing has run yet.
 */
export async function runChild<Result>(name: string, input: unknown): Promise<Result> {
  const module = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
  const args = ['--expose-gc', module, JSON.stringify(input)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MOST_OUTPUT })
  return JSON.parse(stdout)
}

/** What the parent gave, in a child. */
export function childInput<Input>(): Input {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** What is in use once everything unused is gone, in bytes: objects of the heap and memory of typed arrays. */
export function usedMemory(): number {
  const collect = globalThis.gc
  if (collect === undefined) throw new Error('start node with --expose-gc')
  for (let round = 0; round < 3; round++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
