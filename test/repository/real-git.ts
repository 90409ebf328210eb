import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { GitObject, GitReader } from '../../src/repository/git-reader.ts'

const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'init.defaultBranch',
  GIT_CONFIG_VALUE_0: 'main',
}

export interface GitOptions {
  readonly input?: string | Uint8Array
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs git in a directory, without the configuration of whoever runs the tests. Throws if it fails. */
export function git(directory: string, arguments_: readonly string[], options: GitOptions = {}): Buffer {
  return execFileSync('git', ['-C', directory, ...arguments_], {
    env: { ...ENVIRONMENT, ...options.environment },
    input: options.input ?? '',
    stdio: 'pipe',
    maxBuffer: 1 << 30,
  })
}

/** The same as text without its line end. */
export function gitText(directory: string, ...arguments_: readonly string[]): string {
  return git(directory, arguments_).toString('utf8').trimEnd()
}

/** Runs git beside this process: true if it exits with 0. */
export async function gitSucceeds(directory: string, ...arguments_: readonly string[]): Promise<boolean> {
  const run = promisify(execFile)('git', ['-C', directory, ...arguments_], { env: ENVIRONMENT })
  return run.then(
    () => true,
    () => false,
  )
}

/** What `git fsck --strict` has to say: nothing, for a repository that is whole. */
export function fsck(gitDirectory: string): string {
  return git(gitDirectory, ['fsck', '--strict', '--no-dangling', '--no-progress']).toString('utf8')
}

/** An empty directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'memoir-repository-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

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

/** A bare repository made by git itself. */
export function bareRepository(): string {
  const path = temporaryDirectory()
  git(path, ['init', '--quiet', '--bare'])
  return path
}

/** Writes an object as it is given, though git would not make one like it. */
export function writeObject(
  directory: string,
  content: string | Uint8Array,
  type: GitObject['type'] = 'blob',
): string {
  const command = ['hash-object', '-w', '--literally', '-t', type, '--stdin']
  return git(directory, command, { input: content }).toString().trimEnd()
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
  const tip = gitText(directory, 'for-each-ref', '--format=%(objectname)', ref)
  const from = parent === undefined ? tip : (parent ?? '')
  const head = `commit ${ref}\ncommitter Test <test@example.com> 1700000000 +0000\ndata 8\nA commit\n`
  const contents = Object.entries(files).flatMap(([path, content]) => [
    `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n`,
    content,
    '\n',
  ])
  const stream = [head, from === '' ? '' : `from ${from}\n`, 'deleteall\n', ...contents]
  const input = Buffer.concat(stream.map((part) => Buffer.from(part)))
  git(directory, ['fast-import', '--quiet', '--force'], { input })
  return gitText(directory, 'rev-parse', ref)
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

/** The plainest reader there can be: a git process for every object. */
export function plainReader(gitDirectory: string): GitReader & { readonly oidsRead: string[] } {
  const oidsRead: string[] = []
  const read = async (oid: string): Promise<GitObject> => {
    oidsRead.push(oid)
    const type = gitText(gitDirectory, 'cat-file', '-t', oid) as GitObject['type'] // git knows these four only
    return { oid, type, content: git(gitDirectory, ['cat-file', type, oid]) }
  }
  return {
    engine: 'git',
    oidsRead,
    read,
    async *readMany(oids) {
      for (const oid of oids) yield await read(oid)
    },
    sizes: async (oids) => oids.map((oid) => Number(gitText(gitDirectory, 'cat-file', '-s', oid))),
    isAncestor: (ancestor, descendant) =>
      gitSucceeds(gitDirectory, 'merge-base', '--is-ancestor', ancestor, descendant),
    refresh() {},
    async [Symbol.asyncDispose]() {},
  }
}
