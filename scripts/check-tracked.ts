import { spawnSync } from 'node:child_process'

/** What the project consists of: files and folders, without what lies in those. */
const KNOWN: readonly string[] = [
  ...['.ci', 'bench', 'demo', 'docs', 'sample-repo', 'scripts', 'src', 'test'],
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.tools.json'],
  ...['vitest.config.ts', 'vitest.crash.config.ts', 'biome.json', 'knip.json', '.editorconfig', '.gitignore'],
]

/** Whatever git tracks and is no part of the project, such as a log that was tried out: one line for each. */
export function checkTracked(project: string): readonly string[] {
  const { stdout } = spawnSync('git', ['ls-files', '-z'], { cwd: project, encoding: 'utf8' })
  const tracked = new Set((stdout ?? '').split('\0').flatMap((path) => path.split('/')[0] || []))
  return [...tracked]
    .filter((name) => !KNOWN.includes(name))
    .map((name) => `${name} is tracked: take it out of git, or name it in scripts/check-tracked.ts`)
}
