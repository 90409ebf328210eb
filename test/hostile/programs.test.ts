import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CommandName } from '../../src/cli/commands.ts'
import { clone, follow, open, restore, standby } from '../../src/index.ts'
import { start, writeProjections } from '../cli/program.ts'
import { git, gitSucceeds } from '../repository/real-git.ts'
import { ATTRIBUTES, BoobyTrap } from './booby-trap.ts'

const QUIET = { watch: false, maintenance: false } as const
const EVENT = [{ type: 'Counted', data: { number: 1 } }]

const place = mkdtempSync(join(tmpdir(), 'memoir-hostile-'))
/** Made once; it names paths in the folder, which is a new copy of it for each test. */
const original = join(place, 'original')
const folder = join(place, 'folder')
const remote = join(folder, 'remote.git')
const bare = join(folder, 'bare.git')
const checkedOut = join(folder, 'checked-out')
const plain = join(folder, 'plain.git')
const backup = join(folder, 'backup')
let trap: BoobyTrap
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  {
    await using log = await open(remote, QUIET)
    await log.append('s', EVENT, { ack: 'committed' })
  }
  cpSync(remote, plain, { recursive: true })
  await (await clone(remote, bare, QUIET)).close()
  await (await clone(remote, checkedOut, { ...QUIET, workTree: true })).close()
  trap = new BoobyTrap(join(folder, 'traps'))
  for (const path of [remote, bare, join(checkedOut, '.git')]) trap.set(path)
  // Somebody left a file of theirs in the checked-out folder, so that git has something to look at.
  writeFileSync(join(checkedOut, '.gitattributes'), ATTRIBUTES)
  writeFileSync(join(checkedOut, 'notes.txt'), 'notes')
  renameSync(folder, original)
})

afterAll(() => rmSync(place, { recursive: true }))

beforeEach(() => {
  environment = { ...process.env }
  cpSync(original, folder, { recursive: true })
})

afterEach(() => {
  process.env = environment
  rmSync(folder, { recursive: true })
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
  'follow into a replica that names them, and accept a rewrite': async (path) => {
    const replica = join(folder, 'replica.git')
    const options = { stateDirectory: join(folder, 'state'), poll: { fastestMs: 3_600_000 } }
    await (await follow(path, replica, options)).close()
    trap.set(replica)
    const gitDirectory = existsSync(join(path, '.git')) ? join(path, '.git') : path
    git(gitDirectory, ['-c', 'core.hooksPath=/dev/null', 'update-ref', 'refs/heads/main', 'main~1'])
    await using following = await follow(path, replica, options)
    await expect(following.pull()).rejects.toMatchObject({ code: 'remote-rewound' })
    const { to } = await following.describeRewrite()
    expect(await following.acceptRewrite(to)).toMatchObject({ lost: 1 })
  },
  'backup, and restore and drill of it': async (path) => {
    await using log = await open(path, QUIET)
    expect(await log.backup(backup)).toMatchObject({ to: 1 })
    // Somebody makes the folder look like a repository.
    cpSync(bare, backup, { recursive: true })
    expect(await restore(backup, join(folder, 'restored.git'))).toMatchObject({ position: 1 })
    expect(await log.drill(backup)).toMatchObject({ kind: 'backup', isEqual: true })
  },
  'standby, of a backup in a repository that names them': async (path) => {
    const target = join(folder, 'standby.git')
    await using log = await open(path, QUIET)
    await log.backup(backup)
    await restore(backup, target)
    trap.set(target)
    await log.append('s', EVENT, { ack: 'committed' })
    await log.backup(backup)
    const controller = new AbortController()
    const problems: Error[] = []
    await standby(backup, target, {
      signal: controller.signal,
      pollMs: 10,
      onStep: () => controller.abort(),
      onProblem: (problem) => {
        problems.push(problem)
        controller.abort()
      },
    })
    expect(problems).toEqual([])
  },
  'drill of a remote': async (path) => {
    await using log = await open(path, QUIET)
    expect(await log.drill(path)).toMatchObject({ kind: 'remote', isEqual: true })
  },
  'shared appends, and those made offline': async (path) => {
    await using log = await open(path, { ...QUIET, mode: 'shared', remote: plain })
    expect(await log.append('s', EVENT)).toMatchObject({ position: 2 })
    await log.append('s', EVENT, { ack: 'committed' })
    await log.push()
    await log.pull()
    expect(log.conflicts()).toEqual([])
  },
  'automatic push, to a mirror too': async (path) => {
    const mirror = join(folder, 'mirror.git')
    git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', mirror])
    await using log = await open(path, { ...QUIET, remote: plain, push: { every: 1, mirrors: [mirror] } })
    await log.append('s', EVENT, { ack: 'pushed' })
    await log.close()
    expect(git(mirror, ['rev-parse', 'main']).toString().trim()).toBe(log.status().commit)
  },
  maintain: async (path) => {
    await using log = await open(path, QUIET)
    for (let round = 0; round < 3; round++) {
      await log.append('s', EVENT, { ack: 'committed' })
      await log.maintain()
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

/** A command of every name, in this order; those that go on until they are ended are given what they print first. */
const COMMANDS: Readonly<Record<CommandName, { readonly words: string; readonly prints?: string }>> = {
  init: { words: 'init' },
  append: { words: 'append s Counted --ack committed' },
  import: { words: 'import ../events.jsonl' },
  read: { words: 'read s' },
  tail: { words: 'tail --json', prints: '"position":1' },
  streams: { words: 'streams' },
  state: { words: 'state --projections ../projections.mjs' },
  at: { words: 'at 1' },
  status: { words: 'status' },
  verify: { words: 'verify' },
  fold: { words: 'fold' },
  maintain: { words: 'maintain' },
  push: { words: 'push ../plain.git' },
  pull: { words: 'pull ../plain.git' },
  clone: { words: 'clone . ../copy --work-tree' },
  sync: { words: 'sync ../plain.git' },
  pending: { words: 'pending' },
  conflicts: { words: 'conflicts' },
  follow: { words: 'follow . ../replica.git --json', prints: '"position":1' },
  'accept-rewrite': { words: '-C ../replica.git accept-rewrite' },
  backup: { words: 'backup ../backup' },
  restore: { words: 'restore ../backup ../restored.git' },
  drill: { words: 'drill ../backup' },
  doctor: { words: 'doctor --fix' },
}

it.each(['a bare repository', 'a repository with files'])(
  'no command runs a program that %s names, nor one of the environment',
  async (kind) => {
    const path = kind === 'a bare repository' ? bare : checkedOut
    writeFileSync(join(folder, 'events.jsonl'), `${JSON.stringify({ stream: 's', ...EVENT[0] })}\n`)
    await writeProjections(folder)
    process.env = { ...environment, ...trap.environment, XDG_STATE_HOME: join(folder, 'state') }
    for (const { words, prints } of Object.values(COMMANDS)) {
      const { child, ended, prints: printed } = start(words.split(' '), { cwd: path })
      child.stdin.end()
      if (prints !== undefined) {
        await printed(prints)
        child.kill('SIGINT')
      }
      const { code, stdout, stderr } = await ended
      expect([words, code, trap.fired], stdout + stderr).toEqual([words, prints === undefined ? 0 : 130, []])
    }
  },
  180_000,
)

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
