import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { cloneRepository, fetchBranch, pushBranch } from '../../src/repository/remote-transfer.ts'
import { GitServer } from '../network/git-server.ts'
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
    await cloneCommitPushAndFetch(address, remote)
  })

  test('a wrong password is an auth failure whose message does not hold it', async () => {
    const address = await serve(repositoryWithCommit())
    const withSecret = address.replace('http://', 'http://ada:s3cret@')
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

test('a user whose new repositories keep refs in tables gets a clone with files', async () => {
  const remote = repositoryWithCommit()
  // Older gits than 2.46 know no such setting, and leave it alone.
  configureUser('[init]\n\tdefaultRefFormat = reftable\n')
  await cloneCommitPushAndFetch(remote, remote)
})

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

/** Serves a repository, for those who know the password. */
async function serve(repository: string): Promise<string> {
  const server = await GitServer.start({ folder: dirname(repository), credentials: 'ada:right' })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.address(basename(repository))
}
