import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { cloneRepository, fetchBranch, pushBranch } from '../../src/repository/remote.ts'
import { bareRepository, git, gitText, temporaryDirectory } from './real-git.ts'

const BRANCH = 'refs/heads/main'
let home: string
let homeBefore: string | undefined

beforeEach(() => {
  home = temporaryDirectory()
  homeBefore = process.env.HOME
  process.env.HOME = home
})

afterEach(() => {
  process.env.HOME = homeBefore
})

describe('over http, with the password that the credential helper of the user knows', () => {
  test('clone, push and fetch work', async () => {
    const remote = repositoryWithCommit()
    const address = await serve(remote)
    configureUser('[credential]\n\thelper = store\n')
    writeFileSync(join(home, '.git-credentials'), `${address.replace('http://', 'http://ada:right@')}\n`)
    await cloneCommitPushAndFetch(`${address}/log.git`, remote)
  })

  test('a wrong password is an auth failure whose message does not hold it', async () => {
    const address = await serve(repositoryWithCommit())
    const withSecret = `${address.replace('http://', 'http://ada:s3cret@')}/log.git`
    const failure = await cloneRepository(withSecret, join(temporaryDirectory(), 'copy'), {
      bare: true,
    }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'remote-failed', kind: 'auth' })
    expect(JSON.stringify(failure) + String(failure)).not.toContain('s3cret')
  })
})

test.each(['ssh://ada@example.org', 'ada@example.org:'])(
  'over ssh (%s), with the command of the user',
  async (host) => {
    const remote = repositoryWithCommit()
    const ssh = join(home, 'ssh')
    // What ssh does at the other end: it runs the last argument.
    writeFileSync(ssh, '#!/bin/sh\nfor command; do :; done\nexec sh -c "$command"\n')
    chmodSync(ssh, 0o755)
    configureUser(`[core]\n\tsshCommand = ${ssh}\n[safe]\n\tdirectory = *\n`)
    await cloneCommitPushAndFetch(`${host}${remote}`, remote)
  },
)

async function cloneCommitPushAndFetch(address: string, remote: string): Promise<void> {
  const copy = join(temporaryDirectory(), 'copy.git')
  const phases = new Set<string>()
  await cloneRepository(address, copy, { bare: true, onProgress: ({ phase }) => phases.add(phase) })
  expect(phases).toContain('Receiving objects')
  const repository = { gitDirectory: copy, workTree: undefined }

  const pushed = addCommit(copy)
  await pushBranch(repository, 'origin', BRANCH)
  expect(gitText(remote, 'rev-parse', BRANCH)).toBe(pushed)

  const fetched = addCommit(remote)
  expect(await fetchBranch(repository, 'origin', BRANCH)).toBe(fetched)
}

function repositoryWithCommit(): string {
  const path = bareRepository()
  const tree = git(path, ['mktree']).toString().trim()
  git(path, ['update-ref', BRANCH, gitText(path, 'commit-tree', '-m', 'First', tree)])
  git(path, ['config', 'http.receivepack', 'true'])
  return path
}

function addCommit(path: string): string {
  const commit = gitText(path, 'commit-tree', '-m', 'Next', '-p', BRANCH, `${BRANCH}^{tree}`)
  git(path, ['update-ref', BRANCH, commit])
  return commit
}

function configureUser(text: string): void {
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, '.gitconfig'), text)
}

/** Serves a repository as `/log.git` through git's own http-backend, for those who know the password. */
async function serve(repository: string): Promise<string> {
  const server = createServer((request, response) => {
    const expected = `Basic ${Buffer.from('ada:right').toString('base64')}`
    if (request.headers.authorization === expected) runBackend(repository, request, response)
    else response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="logs"' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function runBackend(repository: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
  const backend = spawn('git', ['-c', 'safe.directory=*', 'http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: repository,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname.replace('/log.git', ''),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      REMOTE_USER: 'ada',
    },
  })
  request.pipe(backend.stdin)
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const headers = output
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string])
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200'
    response.writeHead(
      Number.parseInt(status, 10),
      Object.fromEntries(headers.filter(([name]) => name !== 'Status')),
    )
    response.end(output.subarray(end + 4))
  })
}
