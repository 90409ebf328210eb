import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type Log, type Notice, type OpenOptions, open } from '../../../src/index.ts'
import { bareRepository, git, gitText, temporaryDirectory } from '../../repository/real-git.ts'

export const MAIN = 'refs/heads/main'

export const event = (number = 1) => ({ type: 'Counted', data: { number } })

/** A bare repository to push to. */
export class Remote {
  readonly path = bareRepository()

  get head(): string {
    return gitText(this.path, 'for-each-ref', '--format=%(objectname)', MAIN)
  }

  /** Whether the branch holds a commit. */
  has(commit: string): boolean {
    return gitText(this.path, 'branch', '--format=%(refname)', '--contains', commit) === MAIN
  }

  hook(name: 'pre-receive' | 'post-receive', script: string): void {
    const path = join(this.path, 'hooks', name)
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
  }

  /** Lets the remote count pushes, then do something more. */
  countPushes(script = ''): () => number {
    this.hook('pre-receive', `echo push >> pushes\n${script}`)
    const path = join(this.path, 'pushes')
    return () => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0)
  }

  /** Puts a commit on the branch that no log here knows. */
  addForeignCommit(): string {
    const tree = git(this.path, ['mktree']).toString().trim()
    const commit = gitText(this.path, 'commit-tree', '-m', 'Foreign', tree)
    git(this.path, ['update-ref', MAIN, commit])
    return commit
  }
}

/** Opens a log, and closes it when the test ends; what it tells is in `notices`. */
export async function openLog(
  options: OpenOptions,
  path = join(temporaryDirectory(), 'log.git'),
): Promise<{ readonly log: Log; readonly path: string; readonly notices: Notice[] }> {
  const notices: Notice[] = []
  const log = await open(path, { onNotice: (notice) => notices.push(notice), ...options })
  onTestFinished(() => log.close())
  return { log, path, notices }
}

/** What becomes true after a while: a push takes its time on a busy machine. */
export function eventually<T>(probe: () => T) {
  return expect.poll(probe, { timeout: 20_000 })
}
