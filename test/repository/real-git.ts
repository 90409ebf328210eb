import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { GitObject, GitReader } from '../../src/repository/git-reader.ts'

const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
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
    maxBuffer: 64 * 1024 * 1024,
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

/** A bare repository made by git itself. */
export function bareRepository(): string {
  const path = temporaryDirectory()
  git(path, ['init', '--quiet', '--bare', '--initial-branch=main'])
  return path
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
