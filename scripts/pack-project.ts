import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const LEFT_BEHIND = new Set(['node_modules', '.git', 'dist', '.build', '.demo', 'test', 'bench', 'coverage'])

/**
 * Packs the project as `npm publish` would, into a folder, and returns the tarball's path. It is built from a copy
 * of the sources: what lies in `dist` is neither used nor touched, so tests that run `dist` are not disturbed.
 */
export function packProject(project: string, into: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'memoir-pack-'))
  try {
    cpSync(project, copy, {
      recursive: true,
      filter: (path) => !LEFT_BEHIND.has(relative(project, path)),
    })
    symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'))
    const { status, stdout, stderr } = spawnSync('npm', ['pack', '--json', '--pack-destination', into], {
      cwd: copy,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`npm pack failed:\n${stdout}${stderr}`)
    return join(into, fileName(stdout))
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** npm prints what the scripts of the package say first, then its JSON. */
function fileName(output: string): string {
  const name = /"filename": "([^"]+)"/.exec(output)?.[1]
  if (name === undefined) throw new Error(`npm pack named no file: ${output}`)
  return name
}
