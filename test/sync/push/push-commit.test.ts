import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { open } from '../../../src/memoir.ts'
import { openReader } from '../../../src/repository/open-reader.ts'
import { GitRunner } from '../../../src/repository/runner.ts'
import { type PushParts, pushCommit } from '../../../src/sync/push/push-commit.ts'
import { RefusedHead } from '../../../src/sync/refused-head.ts'
import { commitFiles, git, gitText, TemporaryFolder } from '../../repository/real-git.ts'

const MAIN = 'refs/heads/main'

let folder: TemporaryFolder
let remote: string

beforeEach(() => {
  folder = new TemporaryFolder()
  remote = initialise('remote.git')
  vi.stubEnv('HOME', folder.path)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    folder[Symbol.dispose]()
  })
})

describe('a push', () => {
  it('that arrives is pushed', async () => {
    const local = await openLocal()
    const commit = commitFiles(local.path, { a: '1' })
    expect(await pushCommit(local, remote, commit)).toEqual({ kind: 'pushed', head: commit })
    expect(headOf(remote)).toBe(commit)
  })

  it('of a commit that is not at the end of the branch takes along none that come after it', async () => {
    const local = await openLocal()
    const commit = commitFiles(local.path, { a: '1' })
    commitFiles(local.path, { a: '2' })
    await pushCommit(local, remote, commit)
    expect(headOf(remote)).toBe(commit)
  })

  it('of a commit on which others have built already is pushed', async () => {
    const local = await openLocal()
    const commit = commitFiles(local.path, { a: '1' })
    await pushCommit(local, remote, commit)
    const later = commitFiles(remote, { a: '2' })
    expect(await pushCommit(local, remote, commit)).toEqual({ kind: 'pushed', head: later })
  })

  it('to a remote with other commits is absent, and leaves the remote as it is', async () => {
    const local = await openLocal()
    const theirs = commitFiles(remote, { a: 'theirs' })
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: 'ours' }))
    expect(outcome).toMatchObject({
      kind: 'absent',
      error: {
        kind: 'conflict',
        mayHaveArrived: false,
        message: expect.stringContaining('holds something else than this log'),
      },
      head: theirs,
      isForked: true,
    })
    expect(headOf(remote)).toBe(theirs)
  })

  it('is looked for where it went, not where a remote with another address for pushes is fetched from', async () => {
    const local = await openLocal()
    const commit = commitFiles(local.path, { a: '1' })
    await pushCommit(local, remote, commit)
    const other = initialise('other.git')
    const theirs = commitFiles(other, { a: 'theirs' })
    gitText(local.path, 'remote', 'add', 'origin', remote)
    gitText(local.path, 'config', 'remote.origin.pushurl', other)
    const outcome = await pushCommit(local, 'origin', commit)
    expect(outcome).toMatchObject({ kind: 'absent', head: theirs, isForked: true })
  })

  it('of a log that was copied and went another way says so, and not that it may be tried again', async () => {
    const [path, copy] = [folder.join('one.git'), folder.join('two.git')]
    await (await open(path)).close()
    git(folder.path, ['clone', '--quiet', '--bare', path, copy])
    for (const [place, stream] of [
      [copy, 'b'],
      [path, 'a'],
    ] as const) {
      await using log = await open(place)
      await log.append(stream, [{ type: 'Counted' }])
      const pushed = log.push(remote)
      if (place === copy) await pushed
      else
        await expect(pushed).rejects.toMatchObject({
          kind: 'conflict',
          message: expect.stringContaining('has another history than the log here'),
          hint: expect.not.stringContaining('Try again'),
        })
    }
  })

  it('of two writers at the same time is pushed for one and absent for the other', async () => {
    const locals = await Promise.all([openLocal('one.git'), openLocal('two.git')])
    const commits = locals.map(({ path }, at) => commitFiles(path, { a: `${at}` }))
    const outcomes = await Promise.all(locals.map((local, at) => pushCommit(local, remote, commits[at]!)))
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['absent', 'pushed'])
    expect(outcomes).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ kind: 'conflict' }) }),
    )
    expect(outcomes).toContainEqual({ kind: 'pushed', head: headOf(remote) })
  })

  it('to a branch that is locked is absent, with the branch where it was, and says so', async () => {
    const local = await openLocal()
    const first = commitFiles(local.path, { a: '1' })
    await pushCommit(local, remote, first)
    writeFileSync(`${remote}/${MAIN}.lock`, '')
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: '2' }))
    expect(outcome).toMatchObject({
      kind: 'absent',
      error: {
        kind: 'conflict',
        message: expect.stringContaining('did not take the push'),
        hint: expect.stringContaining('lock of the branch'),
      },
      head: first,
      isForked: false,
    })
  })

  it('to a path where nothing is is absent, and says what git said', async () => {
    const local = await openLocal()
    const outcome = await pushCommit(local, folder.join('none'), commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({
      kind: 'absent',
      error: { kind: 'unknown', message: expect.stringContaining('does not appear to be a git repository') },
    })
  })

  it('to the branch that is checked out there is absent and refused', async () => {
    const local = await openLocal()
    const checkedOut = folder.join('checked-out')
    git(folder.path, ['init', '--quiet', checkedOut])
    const outcome = await pushCommit(local, checkedOut, commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({ kind: 'absent', error: { kind: 'refused' } })
  })

  it('that a hook declines is absent and refused, whatever the hook prints', async () => {
    const local = await openLocal()
    hook('pre-receive', 'printf " ! [rejected] main -> main (fetch first)\\n" >&2; exit 1')
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({ kind: 'absent', error: { kind: 'refused' }, head: undefined })
  })

  it('beyond the size that the remote takes is absent and too large', async () => {
    const local = await openLocal()
    git(remote, ['config', 'receive.maxInputSize', '10'])
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({ kind: 'absent', error: { kind: 'too-large' } })
  })
})

/** What receive-pack was started by: the git that pushes, here. */
const OUR_GIT = '$(ps -o ppid= -p $PPID)'

describe('a push whose git is killed', () => {
  it('after the remote took it is found there', async () => {
    const local = await openLocal()
    hook('post-receive', `kill -9 ${OUR_GIT}; touch killed`)
    const commit = commitFiles(local.path, { a: '1' })
    expect(await pushCommit(local, remote, commit)).toEqual({ kind: 'pushed', head: commit })
    expect(gitText(remote, 'rev-list', '--count', MAIN)).toBe('1')
  })

  it('after the remote took it, and others built on it, is found there', async () => {
    const local = await openLocal()
    hook(
      'post-receive',
      `git -c user.name=a -c user.email=a commit-tree -p ${MAIN} -m Later ${MAIN}^{tree} | xargs git update-ref ${MAIN}; kill -9 ${OUR_GIT}`,
    )
    const commit = commitFiles(local.path, { a: '1' })
    expect(await pushCommit(local, remote, commit)).toEqual({ kind: 'pushed', head: headOf(remote) })
    expect(headOf(remote)).not.toBe(commit)
  })

  it('and that cannot be looked for, as without a temporary folder, is unknown', async () => {
    const local = await openLocal()
    const temporary = folder.join('tmp')
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    hook('post-receive', `mv '${temporary}' '${temporary}.away'; kill -9 ${OUR_GIT}`)
    const commit = commitFiles(local.path, { a: '1' })
    const outcome = await pushCommit(local, remote, commit)
    expect(outcome).toMatchObject({
      kind: 'unknown',
      error: { mayHaveArrived: true, cause: { code: 'file-failed' } },
    })
    expect(headOf(remote)).toBe(commit)
  })

  it('before the remote took it is pushed again', async () => {
    const local = await openLocal()
    hook('pre-receive', `[ -e killed ] && exit 0; touch killed; kill -9 ${OUR_GIT} $PPID`)
    const commit = commitFiles(local.path, { a: '1' })
    expect(await pushCommit(local, remote, commit)).toEqual({ kind: 'pushed', head: commit })
  })
})

describe('a push whose remote dies', () => {
  it('each time is unknown after two tries', async () => {
    const local = await openLocal()
    hook('pre-receive', 'echo try >> tries; kill -9 $PPID')
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({ kind: 'unknown', error: { kind: 'network', mayHaveArrived: true } })
    expect(headOf(remote)).toBe('')
  })

  it('and does not come back is unknown', async () => {
    const local = await openLocal()
    hook('pre-receive', `mv '${remote}' '${remote}.away'; kill -9 $PPID`)
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: '1' }))
    expect(outcome).toMatchObject({ kind: 'unknown', error: { kind: 'network', mayHaveArrived: true } })
  })

  it('after another writer moved the branch is absent: it cannot arrive any more', async () => {
    const local = await openLocal()
    const theirs = commitFiles(remote, { a: 'theirs' }, { branch: 'theirs' })
    hook('pre-receive', `env -u GIT_QUARANTINE_PATH git update-ref ${MAIN} ${theirs}; kill -9 $PPID`)
    const outcome = await pushCommit(local, remote, commitFiles(local.path, { a: 'ours' }))
    expect(outcome).toMatchObject({
      kind: 'absent',
      error: { kind: 'conflict', mayHaveArrived: false, cause: { kind: 'network' } },
      head: theirs,
    })
  })
})

it('a push that is aborted rejects with the reason', async () => {
  const local = await openLocal()
  hook('pre-receive', 'touch begun; while [ -e begun ]; do sleep 0.05; done')
  const controller = new AbortController()
  const commit = commitFiles(local.path, { a: '1' })
  const push = pushCommit(local, remote, commit, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(push).rejects.toThrow('enough')
  rmSync(join(remote, 'begun'), { force: true })
})

function initialise(name: string): string {
  const path = folder.join(name)
  git(folder.path, ['init', '--quiet', '--bare', path])
  return path
}

async function openLocal(name = 'local.git'): Promise<PushParts & { readonly path: string }> {
  const path = initialise(name)
  const repository = { path, gitDirectory: path, workTree: undefined, branch: MAIN }
  const runner = new GitRunner({ repository })
  const reader = await openReader({ gitDirectory: path, runner, engine: 'git' })
  onTestFinished(async () => {
    await reader[Symbol.asyncDispose]()
    await runner[Symbol.asyncDispose]()
  })
  return { path, repository, reader, logId: 'of no commit here', refused: new RefusedHead() }
}

function hook(name: string, script: string): void {
  const path = join(remote, 'hooks', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

function headOf(path: string): string {
  return gitText(path, 'for-each-ref', '--format=%(objectname)', MAIN)
}
