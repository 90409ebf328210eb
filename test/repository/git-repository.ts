import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for one test, removed when it goes out of scope. */
export class TemporaryFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'memoir-test-'))

  join(...names: string[]): string {
    return join(this.path, ...names)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Runs real git, apart from any configuration of this machine. Throws unless it exits with 0. */
export function git(directory: string, args: readonly string[], input: string | Uint8Array = ''): Buffer {
  const { status, stdout, stderr, error } = spawnSync('git', args, {
    cwd: directory,
    input,
    maxBuffer: 1 << 30,
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Test',
      GIT_AUTHOR_EMAIL: 'test@example.com',
      GIT_COMMITTER_NAME: 'Test',
      GIT_COMMITTER_EMAIL: 'test@example.com',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'init.defaultBranch',
      GIT_CONFIG_VALUE_0: 'main',
    },
  })
  if (error) throw error
  if (status !== 0) throw new Error(`git ${args.join(' ')}: exit code ${status}: ${stderr}`)
  return stdout
}

/** What git printed, without the line feed at its end. */
export function gitText(directory: string, args: readonly string[], input: string | Uint8Array = ''): string {
  return git(directory, args, input).toString().trimEnd()
}

export function writeBlob(directory: string, content: string | Uint8Array): string {
  return gitText(directory, ['hash-object', '-w', '--stdin'], content)
}

/**
 * Moves a branch to a new commit that holds exactly these files, on top of what the branch is at, of another
 * parent, or (null) of none.
 */
export function commitFiles(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  { branch = 'main', parent }: { readonly branch?: string; readonly parent?: string | null } = {},
): string {
  const ref = `refs/heads/${branch}`
  const tip = gitText(directory, ['for-each-ref', '--format=%(objectname)', ref])
  const from = parent === undefined ? tip : (parent ?? '')
  const head = `commit ${ref}\ncommitter Test <test@example.com> 1700000000 +0000\ndata 8\nA commit\n`
  const contents = Object.entries(files).flatMap(([path, content]) => [
    `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n`,
    content,
    '\n',
  ])
  const stream = [head, from === '' ? '' : `from ${from}\n`, 'deleteall\n', ...contents]
  git(
    directory,
    ['fast-import', '--quiet', '--force'],
    Buffer.concat(stream.map((part) => Buffer.from(part))),
  )
  return gitText(directory, ['rev-parse', ref])
}

/** Changes a file that git made read-only. */
export function damage(path: string, change: (bytes: Buffer) => Buffer): void {
  chmodSync(path, 0o644)
  writeFileSync(path, change(readFileSync(path)))
}

export function looseObjectPath(gitDirectory: string, oid: string): string {
  return join(gitDirectory, 'objects', oid.slice(0, 2), oid.slice(2))
}

/** The only pack of a repository. */
export function packPath(gitDirectory: string): string {
  const directory = join(gitDirectory, 'objects', 'pack')
  const names = readdirSync(directory).filter((name) => name.endsWith('.pack'))
  if (names.length !== 1) throw new Error(`expected one pack, found ${names.length}`)
  return join(directory, names[0]!)
}
