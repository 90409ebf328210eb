import { chmodSync, existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RemoteFailedError } from '../../src/repository/git-process-errors.ts'
import { InvalidRemoteError } from '../../src/repository/remote-address.ts'
import {
  cloneRepository,
  fetchBranch,
  findRemoteBranch,
  pushBranch,
} from '../../src/repository/remote-transfer.ts'
import type { TransferProgress } from '../../src/repository/transfer-progress.ts'
import { commitFiles, git, gitText, looseObjectPath, TemporaryFolder, writeObject } from './real-git.ts'

const MAIN = 'refs/heads/main'

describe('remote transfer', () => {
  let folder: TemporaryFolder
  let origin: string
  let local: string
  let repository: { gitDirectory: string }

  beforeEach(() => {
    folder = new TemporaryFolder()
    origin = folder.join('origin.git')
    local = folder.join('local.git')
    repository = { gitDirectory: local }
    for (const path of [origin, local]) git(folder.path, ['init', '--quiet', '--bare', path])
    git(local, ['config', 'remote.origin.url', '../origin.git'])
    // The user's configuration is read for remotes: this one is the tests' own.
    vi.stubEnv('HOME', folder.path)
    vi.stubEnv('XDG_CONFIG_HOME', folder.join('no-config'))
  })

  afterEach(() => {
    vi.unstubAllEnvs()
    folder[Symbol.dispose]()
  })

  const head = (path: string, ref = MAIN) => gitText(path, 'rev-parse', '--verify', ref)

  describe('cloneRepository', () => {
    it.each(['path', 'file://'])('clones a bare repository from a %s', async (kind) => {
      const commit = commitFiles(origin, { a: 'x' })
      const clone = folder.join('clone.git')
      await cloneRepository(kind === 'path' ? origin : `file://${origin}`, clone, { bare: true })
      expect(head(clone)).toBe(commit)
      expect(gitText(clone, 'config', 'core.bare')).toBe('true')
      expect(gitText(clone, 'fsck', '--strict')).toBe('')
    })

    it('clones into a folder for files, and leaves those to whoever has looked at the tree', async () => {
      commitFiles(origin, { a: 'x\r\n' })
      await cloneRepository(origin, folder.join('clone'), { bare: false })
      expect(gitText(folder.join('clone'), 'show', 'HEAD:a')).toBe('x')
      expect(existsSync(folder.join('clone', 'a'))).toBe(false)
    })

    it('clones an empty repository', async () => {
      await cloneRepository(origin, folder.join('clone.git'), { bare: true })
      expect(gitText(folder.join('clone.git'), 'count-objects')).toMatch(/^0 objects/)
    })

    it('copies objects instead of linking them', async () => {
      const oid = writeObject(origin, 'x')
      commitFiles(origin, { a: 'x' })
      await cloneRepository(origin, folder.join('clone.git'), { bare: true })
      expect(statSync(looseObjectPath(origin, oid)).nlink).toBe(1)
    })

    it('reports progress', async () => {
      commitFiles(origin, Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`f${n}`, `${n}`])))
      const reports: TransferProgress[] = []
      const onProgress = (progress: TransferProgress) => reports.push(progress)
      await cloneRepository(`file://${origin}`, folder.join('clone.git'), { bare: true, onProgress })
      const last = reports.findLast(({ phase }) => phase === 'Receiving objects')
      expect(last).toEqual({ phase: 'Receiving objects', percent: 100, done: 52, total: 52 })
    })

    it('refuses damaged objects', async () => {
      const tree = writeObject(origin, badTree(), 'tree')
      const commit = gitText(origin, 'commit-tree', tree, '-m', 'Bad')
      git(origin, ['update-ref', MAIN, commit])
      const clone = cloneRepository(origin, folder.join('clone.git'), { bare: true })
      await expect(clone).rejects.toThrow(RemoteFailedError)
      expect(existsSync(folder.join('clone.git'))).toBe(false)
    })

    it('refuses a shallow repository, and says so', async () => {
      for (const number of ['1', '2']) commitFiles(origin, { number })
      git(folder.path, ['clone', '--quiet', '--bare', '--depth=1', `file://${origin}`, 'shallow.git'])
      const clone = cloneRepository(folder.join('shallow.git'), folder.join('clone.git'), { bare: true })
      await expect(clone).rejects.toMatchObject({ kind: 'unknown', hint: expect.stringContaining('shallow') })
      expect(existsSync(folder.join('clone.git'))).toBe(false)
    })

    it('says that a repository is damaged over there, not that it cannot be reached', async () => {
      const commit = commitFiles(origin, { a: '1' })
      rmSync(looseObjectPath(origin, gitText(origin, 'rev-parse', `${commit}^{tree}`)))
      const clone = cloneRepository(origin, folder.join('clone.git'), { bare: true })
      await expect(clone).rejects.toMatchObject({ kind: 'unknown', hint: expect.stringContaining('fsck') })
    })

    it('says of a folder that somebody has filled meanwhile that it is taken, and nothing of the remote', async () => {
      mkdirSync(folder.join('clone.git/objects'), { recursive: true })
      const clone = cloneRepository(origin, folder.join('clone.git'), { bare: true })
      await expect(clone).rejects.toMatchObject({ code: 'not-a-repository', path: folder.join('clone.git') })
      expect(existsSync(folder.join('clone.git/objects'))).toBe(true)
    })

    it('fails for a path where nothing is, and leaves nothing', async () => {
      const clone = cloneRepository(folder.join('none.git'), folder.join('clone.git'), { bare: true })
      await expect(clone).rejects.toThrow(RemoteFailedError)
      expect(existsSync(folder.join('clone.git'))).toBe(false)
    })

    it.each(['ext::touch canary', '--upload-pack=touch canary', 'git://127.0.0.1/a'])(
      'refuses %s',
      async (address) => {
        const clone = cloneRepository(address, folder.join('clone.git'), { bare: true })
        await expect(clone).rejects.toThrow(InvalidRemoteError)
      },
    )
  })

  describe('fetchBranch', () => {
    it.each(['origin', 'path', 'file://'])('fetches from %s', async (kind) => {
      const remote = { origin: 'origin', path: origin, 'file://': `file://${origin}` }[kind] ?? ''
      const first = commitFiles(origin, { a: '1' })
      expect(await fetchBranch(repository, remote, MAIN)).toBe(first)
      const second = commitFiles(origin, { a: '2' })
      expect(await fetchBranch(repository, remote, MAIN)).toBe(second)
      expect(gitText(local, 'cat-file', '-t', second)).toBe('commit')
    })

    it('moves the tracking ref, and no branch', async () => {
      const first = commitFiles(origin, { a: '1' })
      await fetchBranch(repository, 'origin', MAIN)
      expect(gitText(local, 'for-each-ref', '--format=%(refname) %(objectname)')).toBe(
        `refs/remotes/origin/main ${first}`,
      )
    })

    it('returns a rewritten history, and leaves the tracking ref where it was', async () => {
      const first = commitFiles(origin, { a: '1' })
      await fetchBranch(repository, 'origin', MAIN)
      const rewritten = commitFiles(origin, { a: 'other' }, { parent: null })
      expect(await fetchBranch(repository, 'origin', MAIN)).toBe(rewritten)
      expect(gitText(local, 'cat-file', '-t', rewritten)).toBe('commit')
      expect(head(local, 'refs/remotes/origin/main')).toBe(first)
    })

    it('asks the first of several addresses, as git does', async () => {
      git(local, ['remote', 'set-url', '--add', 'origin', '../another.git'])
      const commit = commitFiles(origin, { a: 'x' })
      expect(await fetchBranch(repository, 'origin', MAIN)).toBe(commit)
    })

    it('refuses a history that is cut off, and says so', async () => {
      for (const number of ['1', '2']) commitFiles(origin, { number })
      git(folder.path, ['clone', '--quiet', '--bare', '--depth=1', `file://${origin}`, 'shallow.git'])
      await expect(fetchBranch(repository, folder.join('shallow.git'), MAIN)).rejects.toMatchObject({
        kind: 'unknown',
        message: expect.stringContaining('shallow roots'),
        hint: expect.stringContaining('unshallow'),
      })
    })

    it('returns undefined for a branch that the remote has not', async () => {
      expect(await fetchBranch(repository, 'origin', MAIN)).toBeUndefined()
    })

    it('fetches a branch twice at the same time', async () => {
      const commit = commitFiles(origin, { a: '1' })
      const fetches = [0, 1].map(() => fetchBranch(repository, origin, MAIN))
      expect(await Promise.all(fetches)).toEqual([commit, commit])
    })

    it('passes a lock that a killed git left on the tracking ref, as a push does', async () => {
      await fetchBranch(repository, 'origin', MAIN)
      const lock = `${local}/refs/remotes/origin/main.lock`
      const leaveLock = () => {
        mkdirSync(dirname(lock), { recursive: true })
        writeFileSync(lock, '')
        utimesSync(lock, 0, 0)
      }
      const first = commitFiles(origin, { a: '1' })
      leaveLock()
      expect(await fetchBranch(repository, 'origin', MAIN)).toBe(first)
      git(local, ['update-ref', MAIN, first])
      const second = commitFiles(local, { a: '2' })
      leaveLock()
      await pushBranch(repository, 'origin', MAIN)
      expect(head(local, 'refs/remotes/origin/main')).toBe(second)
    })

    it('refuses a remote that is not configured, or is configured badly', async () => {
      await expect(fetchBranch(repository, 'upstream', MAIN)).rejects.toThrow(InvalidRemoteError)
      git(local, ['config', 'remote.evil.url', 'ext::touch canary'])
      await expect(fetchBranch(repository, 'evil', MAIN)).rejects.toThrow(InvalidRemoteError)
    })

    it.each(['--upload-pack=x', 'refs/heads/a:refs/heads/main', '+refs/heads/main'])(
      'refuses %s for a branch',
      async (branch) => {
        await expect(fetchBranch(repository, 'origin', branch)).rejects.toMatchObject({ code: 'ref-invalid' })
      },
    )

    it('stops when the remote stays silent, and says that it cannot be reached', async () => {
      const server = createServer(() => undefined)
      const port = await listen(server)
      const fetch = fetchBranch(repository, `http://localhost:${port}/a.git`, MAIN, { timeoutMs: 300 })
      await expect(fetch).rejects.toMatchObject({ kind: 'network', hint: expect.stringContaining('silent') })
      server.close()
    })

    it('stops when it is aborted', async () => {
      const controller = new AbortController()
      const server = createServer(() => controller.abort(new Error('enough')))
      const address = `http://localhost:${await listen(server)}/a.git`
      const fetch = fetchBranch(repository, address, MAIN, { signal: controller.signal })
      await expect(fetch).rejects.toThrow('enough')
      server.close()
    })

    it('tells a refused password from a remote that cannot be reached', async () => {
      const server = createServer((_, response) =>
        response.writeHead(401, { 'www-authenticate': 'Basic' }).end(),
      )
      const port = await listen(server)
      const address = `http://me:secret@localhost:${port}/a.git`
      const refused = await fetchBranch(repository, address, MAIN).catch((error: unknown) => error)
      expect(refused).toMatchObject({
        code: 'remote-failed',
        kind: 'auth',
        remote: `http://localhost:${port}/a.git`,
      })
      expect(JSON.stringify(refused)).not.toContain('secret')
      server.close()
      server.closeAllConnections()
      await expect(fetchBranch(repository, address, MAIN)).rejects.toMatchObject({ kind: 'network' })
    })

    it('asks the credential helper of the user, not that of the repository', async () => {
      const helper = (name: string) => {
        const path = folder.join(name)
        writeFileSync(path, `#!/bin/sh\necho username=${name}\necho password=secret\n`)
        chmodSync(path, 0o755)
        return path
      }
      writeFileSync(folder.join('.gitconfig'), `[credential]\n\thelper = ${helper('user')}\n`)
      git(local, ['config', 'credential.helper', helper('repository')])
      const seen: string[] = []
      const server = createServer((request, response) => {
        const [, encoded] = request.headers.authorization?.split(' ') ?? []
        if (encoded !== undefined) seen.push(Buffer.from(encoded, 'base64').toString())
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      })
      const address = `http://localhost:${await listen(server)}/a.git`
      await expect(fetchBranch(repository, address, MAIN)).rejects.toMatchObject({ kind: 'auth' })
      expect(seen).toEqual(['user:secret'])
      server.close()
    })
  })

  describe('pushBranch', () => {
    it.each(['origin', 'path'])('pushes a branch to %s', async (kind) => {
      const commit = commitFiles(local, { a: '1' })
      await pushBranch(repository, kind === 'path' ? origin : 'origin', MAIN)
      expect(head(origin)).toBe(commit)
    })

    it('moves the tracking ref', async () => {
      const commit = commitFiles(local, { a: '1' })
      await pushBranch(repository, 'origin', MAIN)
      expect(head(local, 'refs/remotes/origin/main')).toBe(commit)
    })

    it('is done when the remote has it already', async () => {
      commitFiles(local, { a: '1' })
      await pushBranch(repository, 'origin', MAIN)
      await pushBranch(repository, 'origin', MAIN)
    })

    it('never forces: a remote with other commits is a conflict', async () => {
      const theirs = commitFiles(origin, { a: 'theirs' })
      commitFiles(local, { a: 'ours' })
      await expect(pushBranch(repository, 'origin', MAIN)).rejects.toMatchObject({ kind: 'conflict' })
      await fetchBranch(repository, 'origin', MAIN)
      await expect(pushBranch(repository, 'origin', MAIN)).rejects.toMatchObject({ kind: 'conflict' })
      expect(head(origin)).toBe(theirs)
    })

    it('goes only where the remote is, when that is given: one that went back is a conflict', async () => {
      const first = commitFiles(local, { a: '1' })
      const second = commitFiles(local, { a: '2' })
      await pushBranch(repository, 'origin', MAIN)
      git(origin, ['update-ref', MAIN, first])
      const third = commitFiles(local, { a: '3' })
      const push = (expected: string) => pushBranch(repository, 'origin', MAIN, { commit: third, expected })
      await expect(push(second)).rejects.toMatchObject({ kind: 'conflict', mayHaveArrived: false })
      expect(head(origin)).toBe(first)
      await push(first)
      expect(head(origin)).toBe(third)
    })

    it('calls a ref that somebody else is moving a conflict', async () => {
      commitFiles(local, { a: '1' })
      await pushBranch(repository, 'origin', MAIN)
      commitFiles(local, { a: '2' })
      writeFileSync(`${origin}/refs/heads/main.lock`, '')
      await expect(pushBranch(repository, 'origin', MAIN)).rejects.toMatchObject({ kind: 'conflict' })
    })

    it('reports what a hook of the remote refuses', async () => {
      writeFileSync(`${origin}/hooks/pre-receive`, '#!/bin/sh\necho "not today" >&2\nexit 1\n')
      chmodSync(`${origin}/hooks/pre-receive`, 0o755)
      commitFiles(local, { a: '1' })
      const failure = await pushBranch(repository, 'origin', MAIN).catch((error: unknown) => error)
      expect(failure).toMatchObject({ kind: 'refused', remote: 'origin' })
      expect(failure).toMatchObject({ cause: { stderr: expect.stringContaining('remote: not today') } })
    })

    it('reports what is too large for the remote', async () => {
      git(origin, ['config', 'receive.maxInputSize', '100'])
      commitFiles(local, { a: 'x'.repeat(100_000) + Math.random() })
      git(local, ['config', 'core.compression', '0'])
      await expect(pushBranch(repository, 'origin', MAIN)).rejects.toMatchObject({ kind: 'too-large' })
    })
  })

  it('takes no endless list of branches into memory', async () => {
    const commit = commitFiles(origin, { a: 'x' })
    const name = 'n'.repeat(190)
    const lines = Array.from({ length: 80_000 }, (_, n) => `${commit} refs/heads/${name}${100_000 + n}\n`)
    writeFileSync(`${origin}/packed-refs`, `# pack-refs with: sorted \n${lines.join('')}`)
    const failed = await findRemoteBranch(origin).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'remote-failed', kind: 'unsound' })
    expect(`${failed}`).toContain('lists more branches')
  })
})

/** A tree with an entry named `.git`, which git refuses to take from others. */
function badTree(): Buffer {
  const blob = Buffer.from('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391', 'hex')
  return Buffer.concat([Buffer.from('100644 .git\0'), blob])
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}
