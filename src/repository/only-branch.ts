import type { FileSystem } from '../system/file-system.ts'
import { replaceFile } from './durable-file.ts'
import { findRepository } from './location.ts'
import { updateRef } from './ref-update.ts'
import { readRef } from './refs.ts'
import { GitRunner } from './runner.ts'

const REMOTE = 'refs/remotes/origin/'

/**
 * Points HEAD of a fresh clone at the one branch that came, where HEAD names a branch that did not: a remote
 * made with `git init --bare` names git's default branch, whatever was pushed to it.
 */
export async function pointHeadAtOnlyBranch(path: string, fileSystem: FileSystem): Promise<void> {
  const repository = await findRepository(path, fileSystem)
  if (repository === undefined) return
  const { gitDirectory, branch } = repository
  if ((await readRef(fileSystem, gitDirectory, branch)) !== undefined) return
  await using runner = new GitRunner({ repository })
  const { stdout } = await runner.run([
    'for-each-ref',
    '--format=%(objectname) %(refname)',
    'refs/heads',
    REMOTE,
  ])
  const lines = stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('/HEAD'))
  const [only, ...others] = lines
  if (only === undefined || others.length > 0) return
  const [commit, name] = only.split(' ') as [string, string]
  const local = name.startsWith(REMOTE) ? `refs/heads/${name.slice(REMOTE.length)}` : name
  if (local !== name) await updateRef(fileSystem, gitDirectory, local, { expected: undefined, next: commit })
  await replaceFile(fileSystem, `${gitDirectory}/HEAD`, Buffer.from(`ref: ${local}\n`))
}
