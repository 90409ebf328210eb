import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GitFailedError, GitMissingError } from '../../src/repository/git-process-errors.ts'
import { GitProcessReader } from '../../src/repository/git-process-reader.ts'
import { fetchBranch, pushBranch } from '../../src/repository/remote-transfer.ts'
import { findGitVersion, GitRunner, isGitInstalled } from '../../src/repository/runner.ts'
import { commitFiles, git, gitText, TemporaryFolder, writeObject } from './real-git.ts'

describe('GitRunner', () => {
  let folder: TemporaryFolder
  let repository: string

  beforeEach(() => {
    folder = new TemporaryFolder()
    repository = folder.join('a.git')
    git(folder.path, ['init', '--quiet', '--bare', repository])
  })

  afterEach(() => {
    vi.unstubAllEnvs()
    folder[Symbol.dispose]()
  })

  /** Puts a script in git's place. */
  function replaceGit(script: string): void {
    mkdirSync(folder.join('bin'), { recursive: true })
    writeFileSync(folder.join('bin', 'git'), `#!/bin/sh\n${script}\n`)
    chmodSync(folder.join('bin', 'git'), 0o755)
    if (!process.env.PATH?.startsWith(folder.join('bin'))) {
      vi.stubEnv('PATH', `${folder.join('bin')}:${process.env.PATH}`)
    }
  }

  it('gives what git printed', async () => {
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const oid = writeObject(repository, 'a\0b')
    const { stdout } = await runner.run(['cat-file', 'blob', '--end-of-options', oid])
    expect(stdout).toEqual(Buffer.from('a\0b'))
  })

  it('gives git its input', async () => {
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const { stdout } = await runner.run(['hash-object', '--stdin'], { input: Buffer.from('hello') })
    expect(stdout.toString().trim()).toBe('b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0')
  })

  it('sees the refs of the repository', async () => {
    const commit = commitFiles(repository, { a: 'x' })
    git(repository, ['pack-refs', '--all'])
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const { stdout } = await runner.run(['rev-parse', '--verify', '--end-of-options', 'refs/heads/main'])
    expect(stdout.toString().trim()).toBe(commit)
  })

  it('keeps everything that is reachable when it repacks', async () => {
    commitFiles(repository, { a: 'x' })
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    await runner.run(['repack', '-a', '-d', '--quiet'])
    await runner.run(['prune', '--expire=now'])
    expect(gitText(repository, 'fsck', '--strict')).toBe('')
    expect(gitText(repository, 'show', 'main:a')).toBe('x')
  })

  it('reports an exit code other than 0', async () => {
    const failure = new GitRunner().run(['no-such-command'])
    await expect(failure).rejects.toThrow(GitFailedError)
    await expect(failure).rejects.toMatchObject({ exitCode: 1, command: ['no-such-command'] })
  })

  it('hands on what git prints piece by piece, and lets git wait for it', async () => {
    const blob = Buffer.alloc(3 << 20, 'event ')
    const oid = writeObject(repository, blob.toString())
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const pieces: Buffer[] = []
    let taking = 0
    const onOutput = async (piece: Buffer) => {
      expect(++taking).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      taking--
      pieces.push(piece)
    }
    const { stdout } = await runner.run(['cat-file', 'blob', oid], { onOutput })
    expect([stdout.length, pieces.length > 1, Buffer.concat(pieces).equals(blob)]).toEqual([0, true, true])
  })

  it('is fed piece by piece', async () => {
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const input = (async function* () {
      for (let piece = 0; piece < 40; piece++) yield Buffer.alloc(100_000, 'x')
    })()
    const { stdout } = await runner.run(['hash-object', '--stdin'], { input })
    const { stdout: whole } = await runner.run(['hash-object', '--stdin'], {
      input: Buffer.alloc(4_000_000, 'x'),
    })
    expect(stdout.toString()).toBe(whole.toString())
  })

  it('fails with the error of whoever feeds it, or takes what it prints', async () => {
    const input = (async function* () {
      yield Buffer.from('half')
      throw new Error('the feeder failed')
    })()
    replaceGit('cat >/dev/null; echo done')
    await expect(new GitRunner().run(['x'], { input })).rejects.toThrow('the feeder failed')
    replaceGit('echo some; sleep 1000')
    const onOutput = () => Promise.reject(new Error('the taker failed'))
    await expect(new GitRunner().run(['x'], { onOutput })).rejects.toThrow('the taker failed')
  })

  it('ends git when whoever is told what it says fails, and throws that error once', async () => {
    replaceGit('echo one >&2; sleep 0.1; echo two >&2; exec tail -f /dev/null')
    const said: string[] = []
    const onMessage = (text: string) => {
      said.push(text)
      throw new Error('the listener failed')
    }
    await expect(new GitRunner().run(['x'], { onMessage })).rejects.toThrow('the listener failed')
    expect(said).toHaveLength(1)
  })

  it('tells by its exit code that it read no further', async () => {
    const input = (async function* () {
      for (;;) yield Buffer.alloc(100_000)
    })()
    replaceGit('head -c 10 >/dev/null; exit 3')
    await expect(new GitRunner().run(['x'], { input })).rejects.toMatchObject({ exitCode: 3 })
  })

  it('reports a killed git as a failure, even when it printed something', async () => {
    replaceGit('echo half of it; kill -KILL $$')
    await expect(new GitRunner().run(['log'])).rejects.toMatchObject({ code: 'git-failed', exitCode: null })
  })

  it('stops a git that stays silent for too long, and its helpers', async () => {
    replaceGit(`sleep 1000 & echo $! > ${folder.join('helper')}; wait`)
    const failure = new GitRunner({ timeoutMs: 300 }).run(['fetch'])
    await expect(failure).rejects.toMatchObject({ code: 'git-failed', exitCode: null })
    await expect(failure).rejects.toMatchObject({ hint: expect.stringContaining('silent for 0.3 s') })
    const helper = readPid(folder.join('helper'))
    await vi.waitFor(() => expect(isRunning(helper)).toBe(false))
  })

  it('kills a git that ignores SIGTERM', async () => {
    replaceGit("trap '' TERM; echo started; while :; do sleep 0.1; done")
    const before = performance.now()
    await expect(new GitRunner({ timeoutMs: 200 }).run(['fetch'])).rejects.toMatchObject({ exitCode: null })
    expect(performance.now() - before).toBeGreaterThan(2_000)
  })

  it('counts from the last output, so that slow work may go on', async () => {
    replaceGit('for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done')
    const { stdout } = await new GitRunner({ timeoutMs: 700 }).run(['fetch'])
    expect(stdout.toString()).toBe('1\n2\n3\n4\n5\n6\n')
  })

  it('stops git when it is aborted', async () => {
    replaceGit('sleep 1000')
    const controller = new AbortController()
    const run = new GitRunner().run(['fetch'], { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    await expect(new GitRunner().run(['fetch'], { signal: controller.signal })).rejects.toThrow('enough')
  })

  it('does not wait for a daemon that holds standard error open', async () => {
    replaceGit(`sleep 1000 >/dev/null & echo $! > ${folder.join('daemon')}; echo done`)
    const { stdout } = await new GitRunner().run(['fetch'])
    expect(stdout.toString()).toBe('done\n')
    process.kill(readPid(folder.join('daemon')))
  })

  it('says that git is missing', async () => {
    vi.stubEnv('PATH', folder.path)
    await expect(new GitRunner().run(['status'])).rejects.toThrow(GitMissingError)
    expect(await findGitVersion()).toBeUndefined()
    expect(await isGitInstalled()).toBe(false)
  })

  it('finds git and its version', async () => {
    expect(await isGitInstalled()).toBe(true)
    expect(await findGitVersion()).toMatch(/^2\.\d+/)
  })

  it('lets nothing of the caller’s git variables through', async () => {
    for (const name of ['GIT_DIR', 'GIT_SSH_COMMAND', 'GIT_EXTERNAL_DIFF', 'GIT_TRACE', 'EDITOR', 'PAGER']) {
      vi.stubEnv(name, folder.join('canary'))
    }
    replaceGit('env')
    const { stdout } = await new GitRunner().run(['log'])
    expect(stdout.toString()).not.toContain('canary')
  })

  it('shows no password in what it throws', async () => {
    replaceGit('echo "fatal: cannot read https://me:secret@example.com/a" >&2; exit 128')
    const failure = await new GitRunner().run(['clone', 'https://me:secret@example.com/a']).catch((e) => e)
    expect(failure).toBeInstanceOf(GitFailedError)
    expect(JSON.stringify([failure, failure.message, failure.stack])).not.toContain('secret')
  })

  it('leaves nothing behind in the temporary folder', async () => {
    const temporary = folder.join('temporary')
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    const runner = new GitRunner({ repository: { gitDirectory: repository } })
    await runner.run(['rev-parse', '--git-dir'])
    expect(readdirSync(temporary)).not.toEqual([])
    await runner[Symbol.asyncDispose]()
    expect(readdirSync(temporary)).toEqual([])
  })

  it('goes on when the temporary folder was tidied', async () => {
    await using runner = new GitRunner({ repository: { gitDirectory: repository } })
    const { stdout } = await runner.run(['rev-parse', '--git-dir'])
    rmSync(stdout.toString().trim(), { recursive: true })
    expect((await runner.run(['rev-parse', '--git-dir'])).stdout.length).toBeGreaterThan(0)
  })

  describe('in a hostile repository', () => {
    const CANARY_KEYS = [
      ...['core.sshCommand', 'core.fsmonitor', 'core.pager', 'core.editor', 'core.askPass', 'core.gitProxy'],
      ...['core.alternateRefsCommand', 'diff.external', 'gpg.program', 'credential.helper', 'http.proxy'],
      ...[
        'filter.evil.clean',
        'filter.evil.smudge',
        'filter.evil.process',
        'diff.evil.textconv',
        'diff.evil.command',
      ],
      ...[
        'merge.evil.driver',
        'uploadpack.packObjectsHook',
        'remote.origin.uploadpack',
        'remote.origin.receivepack',
      ],
      ...['remote.origin.vcs', 'remote.memoir-remote.uploadpack', 'remote.memoir-remote.receivepack'],
      ...['remote.memoir-remote.vcs', 'gc.recentObjectsHook', 'trace2.normalTarget'],
    ]

    it('runs nothing that the repository names', async () => {
      const canary = folder.join('canary')
      const script = folder.join('evil')
      writeFileSync(script, `#!/bin/sh\necho "$0 $@" >> ${canary}\ncat\n`)
      chmodSync(script, 0o755)

      const path = folder.join('log')
      const origin = folder.join('origin.git')
      git(folder.path, ['init', '--quiet', path])
      git(folder.path, ['init', '--quiet', '--bare', origin])
      const gitDirectory = join(path, '.git')
      const first = commitFiles(path, { '.gitattributes': '* filter=evil diff=evil merge=evil\n', a: '1\n' })
      const second = commitFiles(path, { '.gitattributes': '* filter=evil diff=evil merge=evil\n', a: '2\n' })
      const missing = 'f'.repeat(40)

      git(path, ['remote', 'add', 'origin', origin])
      for (const key of CANARY_KEYS) git(path, ['config', key, script])
      git(path, ['config', 'remote.origin.promisor', 'true'])
      git(path, ['config', 'extensions.partialClone', 'origin'])
      git(path, ['config', 'protocol.ext.allow', 'always'])
      git(path, ['config', `url.ext::${script} .insteadOf`, origin])
      writeFileSync(join(gitDirectory, 'info', 'attributes'), '* filter=evil\n')
      const hooks = ['post-checkout', 'post-index-change', 'pre-push', 'reference-transaction', 'post-update']
      for (const hook of [
        ...hooks,
        'fsmonitor-watchman',
        'update',
        'pre-receive',
        'post-merge',
        'pre-auto-gc',
      ]) {
        writeFileSync(join(gitDirectory, 'hooks', hook), `#!/bin/sh\necho ${hook} >> ${canary}\n`)
        chmodSync(join(gitDirectory, 'hooks', hook), 0o755)
      }

      const repository = { gitDirectory, workTree: path }
      await using runner = new GitRunner({ repository })
      await runner.run(['read-tree', '-m', '-u', first])
      await runner.run(['read-tree', '-m', '-u', first, second])
      await runner.run(['update-index', '-q', '--refresh'])
      await runner.run(['status', '--porcelain'])
      await runner.run(['diff', '--end-of-options', first, second])
      await runner.run(['rev-parse', 'HEAD'])
      // From 2.48 on it finds fault with the links of the stand-in, and with nothing else.
      await runner.run(['fsck', '--strict']).catch((error: GitFailedError) => {
        expect(error.stderr.trim().split('\n')).toEqual([
          expect.stringContaining('/refs: Not a directory'),
          expect.stringContaining('packed-refs: badRefFiletype'),
        ])
      })
      await runner.run(['repack', '-a', '-d', '--quiet'])
      await runner.run(['gc', '--auto'])
      await using reader = new GitProcessReader(runner, gitDirectory, 1 << 20)
      expect((await reader.read(second)).type).toBe('commit')
      await expect(reader.read(missing)).rejects.toThrow()
      await pushBranch(repository, 'origin', 'refs/heads/main')
      expect(await fetchBranch(repository, 'origin', 'refs/heads/main')).toBe(second)

      expect(existsSync(canary)).toBe(false)
      // The trap works: plain git falls into it.
      git(path, ['status', '--porcelain'])
      expect(existsSync(canary)).toBe(true)
    })
  })
})

function readPid(path: string): number {
  return Number(readFileSync(path, 'utf8'))
}

/** A zombie, which waits for a parent to ask for its end, runs no more. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
  return /^[^Z]/.test(stdout.toString())
}
