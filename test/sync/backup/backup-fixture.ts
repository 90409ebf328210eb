import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from '../../../src/memoir.ts'
import type { Log } from '../../../src/opened-log.ts'
import type { OpenOptions } from '../../../src/options.ts'
import type { BackupResult } from '../../../src/sync/backup/backup.ts'
import { encodeCatalog } from '../../../src/sync/backup/catalog.ts'
import { git, gitText } from '../../repository/real-git.ts'

/** Backs up what a log has committed, beside whoever writes to it. */
export async function backUp(
  path: string,
  directory: string,
  ports: OpenOptions['ports'] = {},
): Promise<BackupResult> {
  await using log = await open(path, { readOnly: true, watch: false, ports })
  return await log.backup(directory)
}

/** Appends events one a commit, and backs up after each. */
export async function appendAndBackUp(log: Log, directory: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await log.append(`account-${n % 3}`, [{ type: 'MoneyDeposited', data: { n } }], { ack: 'committed' })
    await log.backup(directory)
  }
}

/** The stored lines of a log's branch, by plain git. */
export function storedLines(path: string, commit = 'main'): string {
  const tree = gitText(path, 'ls-tree', '-r', '--name-only', commit, 'events')
  if (tree === '') return ''
  return git(path, ['show', ...tree.split('\n').map((file) => `${commit}:${file}`)]).toString()
}

export function bundlesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.bundle'))
    .sort()
}

/** Names, contents and times of all files in a folder. */
export function fingerprint(directory: string): unknown {
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const path = join(directory, name)
      return [name, statSync(path).mtimeMs, readFileSync(path).toString('base64')]
    })
}

/** A backup as somebody could forge it: whatever the branch of a repository holds, in one bundle. */
export function forgeBackup(
  path: string,
  directory: string,
  claims: { readonly log: string; readonly last: number; readonly time?: string },
): void {
  const name = `000000000000-${String(claims.last).padStart(12, '0')}.bundle`
  git(path, ['bundle', 'create', '--quiet', join(directory, name), 'refs/heads/main'])
  const bytes = readFileSync(join(directory, name))
  const { log, last, time } = claims
  const bundle = {
    first: 0,
    last,
    commit: gitText(path, 'rev-parse', 'main'),
    ...(time !== undefined && { time }),
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
  const catalog = { format: 1, log, name: 'forged', branch: 'refs/heads/main', bundles: [bundle] } as const
  writeFileSync(join(directory, 'backup.json'), encodeCatalog(catalog))
}
