import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clone, follow, open } from '../../src/index.ts'
import { memoir } from '../cli/program.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { git, gitSucceeds } from '../repository/real-git.ts'
import { ATTRIBUTES, BoobyTrap } from './booby-trap.ts'

const QUIET = { watch: false, maintenance: false } as const
const EVENT = [{ type: 'Counted', data: { number: 1 } }]

let folder: string
let bare: string
let checkedOut: string
let remote: string
let trap: BoobyTrap
let environment: NodeJS.ProcessEnv

beforeEach(async () => {
  folder = temporaryFolder()
  environment = { ...process.env }
  remote = join(folder, 'remote.git')
  bare = join(folder, 'bare.git')
  checkedOut = join(folder, 'checked-out')
  {
    await using log = await open(remote, QUIET)
    await log.append('s', EVENT, { ack: 'committed' })
  }
  await (await clone(remote, bare, QUIET)).close()
  await (await clone(remote, checkedOut, { ...QUIET, workTree: true })).close()
  trap = new BoobyTrap(join(folder, 'traps'))
  for (const path of [remote, bare, join(checkedOut, '.git')]) trap.set(path)
  // Somebody left a file of theirs in the checked-out folder, so that git has something to look at.
  writeFileSync(join(checkedOut, '.gitattributes'), ATTRIBUTES)
  writeFileSync(join(checkedOut, 'notes.txt'), 'notes')
})

afterEach(() => {
  process.env = environment
})

const OPERATIONS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'open, read and state': async (path) => {
    await using log = await open(path, QUIET)
    expect((await log.event(1)).type).toBe('Counted')
  },
  'open with the engine isomorphic': async (path) => {
    await using log = await open(path, { ...QUIET, engine: 'isomorphic' })
    await log.append('s', EVENT, { ack: 'committed' })
  },
  'append and seal': async (path) => {
    await using log = await open(path, QUIET)
    await log.append('s', EVENT, { ack: 'committed' })
    await log.seal()
  },
  fold: async (path) => {
    await using log = await open(path, QUIET)
    for (let number = 0; number < 3; number++) await log.append('s', EVENT, { ack: 'committed' })
    expect(await log.fold()).toMatchObject({ after: 1 })
  },
  verify: async (path) => {
    await using log = await open(path, QUIET)
    expect((await log.verify()).isSound).toBe(true)
  },
  'status and at': async (path) => {
    await using log = await open(path, QUIET)
    expect(log.status().events).toBe(1)
    await log.at(1)
  },
  push: async (path) => {
    await using log = await open(path, QUIET)
    await log.append('s', EVENT, { ack: 'committed' })
    // The remote's own hooks may refuse: they run on the remote's side, by its will.
    await log.push().catch((error: unknown) => expect(error).toMatchObject({ code: 'remote-failed' }))
  },
  pull: async (path) => {
    await using log = await open(path, QUIET)
    expect(await log.pull()).toMatchObject({ to: 1 })
  },
  clone: async (path) => {
    await using copy = await clone(path, join(folder, 'copy'), { ...QUIET, workTree: true })
    expect(copy.status().events).toBe(1)
  },
  follow: async (path) => {
    await using replica = await follow(path, join(folder, 'replica.git'), {
      stateDirectory: join(folder, 'state'),
    })
    await replica.waitFor(1)
  },
  maintain: async (path) => {
    await using log = await open(path, QUIET)
    for (let round = 0; round < 3; round++) {
      await log.append('s', EVENT, { ack: 'committed' })
      await log.maintain()
    }
  },
  'doctor --fix': async (path) => {
    expect((await memoir(['-C', path, 'doctor', '--fix'])).code).toBeLessThan(2)
  },
  'the status, verify and read of the command line': async (path) => {
    for (const words of [['status'], ['verify'], ['read']]) {
      expect((await memoir(['-C', path, ...words], { cwd: path })).code).toBe(0)
    }
  },
}

describe.each(Object.entries(OPERATIONS))('%s', (name, operation) => {
  it.each(['a bare repository', 'a repository with files'])(
    'runs no program that %s names, nor one of the environment',
    async (kind) => {
      process.env = { ...environment, ...trap.environment }
      await operation(kind === 'a bare repository' ? bare : checkedOut)
      const isRemote = name === 'push' || name === 'pull'
      // Hooks and settings of a remote on this machine are the remote's own: git runs them for whoever pushes.
      const ours = trap.fired.filter((fired) => !(isRemote && REMOTE_SIDE.test(fired)))
      expect(ours).toEqual([])
    },
  )
})

const REMOTE_SIDE =
  /^(hooksPath-|hook-)(pre-receive|update|post-receive|post-update|reference-transaction|proc-receive|push-to-checkout)$|^core\.alternateRefsCommand$/

it.each([
  ['ext::sh -c "touch %"', 'remote helper'],
  ['--upload-pack=touch', 'starts with'],
  ['https://example.invalid/log.git', 'insteadOf'],
])('a remote at %s, which the repository configures, runs nothing', async (address) => {
  for (const path of [bare, join(checkedOut, '.git')]) {
    git(path, ['config', 'remote.origin.url', address])
    git(path, ['config', 'remote.origin.vcs', 'ext'])
  }
  await using log = await open(bare, QUIET)
  await expect(log.pull()).rejects.toMatchObject({
    code: expect.stringMatching(/invalid-remote|remote-failed/),
  })
  await expect(log.push()).rejects.toMatchObject({
    code: expect.stringMatching(/invalid-remote|remote-failed/),
  })
  expect(trap.fired).toEqual([])
})

it('objects that a repository borrows are read, and never written to', async () => {
  writeFileSync(join(bare, 'objects/info/alternates'), `${join(remote, 'objects')}\n`)
  const before = readFileSync(join(remote, 'config'), 'utf8')
  await using log = await open(bare, QUIET)
  await log.append('s', EVENT, { ack: 'committed' })
  await log.maintain()
  expect(git(remote, ['count-objects', '-v']).toString()).toContain('packs: 0')
  expect(readFileSync(join(remote, 'config'), 'utf8')).toBe(before)
  expect(trap.fired).toEqual([])
})

it('the traps work: plain git runs what the same repository names', async () => {
  const commands = [
    ['status'],
    ['add', 'notes.txt'],
    ['diff', 'HEAD'],
    ['log', '-p', '--ext-diff', '--textconv', '-1'],
    ['checkout', '-f', 'HEAD', '--', 'memoir.yaml'],
    ['-c', 'filter.trap.required=false', 'commit', '--no-gpg-sign', '-qm', 'x'],
    ['commit', '--allow-empty', '-qm', 'x'],
    ['commit', '--allow-empty', '--no-gpg-sign'],
    ['fetch', 'origin'],
    ['push', 'origin', 'HEAD:refs/heads/other'],
    ['fetch', 'ssh://example.invalid/log.git'],
    ['trap'],
    ['-c', 'trailer.trap.key=T', 'interpret-trailers', '--trailer', 'trap=x', 'notes.txt'],
    ['ls-remote', 'git://example.invalid/log.git'],
    ['gc', '--auto'],
  ]
  git(checkedOut, ['config', 'alias.trap', `!${trap.program('alias.trap')}`])
  for (const command of commands) await gitSucceeds(checkedOut, ...command)
  expect(trap.fired).toEqual(
    expect.arrayContaining([
      'alias.trap',
      'core.sshCommand',
      'remote.origin.uploadpack',
      'remote.origin.receivepack',
      'filter.trap.clean',
      'core.gitProxy',
      'included',
    ]),
  )
  expect(trap.fired.length).toBeGreaterThan(10)
})
