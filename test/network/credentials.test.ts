import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { clone, follow, type Log, type Notice, open, restore } from '../../src/index.ts'
import { memoir, start } from '../cli/program.ts'
import { git } from '../repository/real-git.ts'
import { GitRecorder } from './git-recorder.ts'
import { createNetwork, type Network, setForTest } from './network.ts'

const NAME = 'ada'
/** What needs an escape in an address, and what ends other patterns. */
const PASSWORD = "s3cret/w0rd'x"
/** Looked for everywhere: the password, escaped or not, any part of it, and what goes over the network. */
const NEEDLES = [
  /s3cret|w0rd/i,
  new RegExp(Buffer.from(`${NAME}:${PASSWORD}`).toString('base64').slice(4, -4)),
]
const EVENT = [{ type: 'Counted', data: { number: 1 } }]
const QUIET = { watch: false, maintenance: false } as const

let network: Network
let recorder: GitRecorder
/** All that was printed, thrown, told and returned. */
let said: string[]

beforeEach(async () => {
  network = await createNetwork({ credentials: `${NAME}:${PASSWORD}` })
  // The user's own helper knows nothing, would remember anything, and must not get to know this.
  writeFileSync(join(network.folder, '.git-credentials'), '')
  setForTest('XDG_STATE_HOME', join(network.folder, 'state'))
  recorder = new GitRecorder(network.folder)
  said = []
})

const WAYS = {
  'the right password': () => withPassword(network.address, encodeURIComponent(PASSWORD)),
  'a wrong password': () => withPassword(network.address, 's3cret-w0rd'),
  'a port where nobody listens': () =>
    withPassword(network.address.replace(/:\d+/, ':1'), encodeURIComponent(PASSWORD)),
  'a password that holds a slash': () => withPassword(network.address, PASSWORD),
  'a password for ssh': () => 'ssh://ada:s3cret-w0rd@127.0.0.1/log.git',
  'a password for ssh, in short': () => 'ada:s3cret-w0rd@127.0.0.1:log.git',
  'a scheme that is not known': () => 'ftp://ada:s3cret-w0rd@127.0.0.1/log.git',
  'a remote helper': () => 'ext::https://ada:s3cret-w0rd@127.0.0.1/log.git',
} as const

describe('an address with a password', { timeout: 180_000 }, () => {
  test.each(Object.entries(WAYS))('is told nobody by the library: %s', async (way, addressOf) => {
    const address = addressOf()
    const isRight = way === 'the right password'
    await fillRemote()
    for (const operation of operations(address)) expect(await tried(operation)).toBe(isRight)
    expectNothingSaid()
    expectNothingStored(isRight ? ['copy/.git', 'replica.git', 'shared.git'] : [])
    if (isRight) expectOnlyUs()
  })

  const shown = ['the right password', 'a wrong password', 'a password that holds a slash'] as const

  test.each(shown)('is told nobody by the program: %s', async (way) => {
    const address = WAYS[way]()
    const isRight = way === 'the right password'
    await fillRemote()
    git(log(), ['config', 'remote.named.url', address])
    const run = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await memoir(words)
      said.push(stdout, stderr)
      expect(code === 0, `${words}: ${stdout}${stderr}`).toBe(isRight)
    }
    for (const command of ['push', 'pull', 'drill', 'sync']) await run('-C', log(), command, address)
    for (const command of ['push', 'pull']) await run('-C', log(), command, 'named', '--json')
    for (const words of [['status'], ['doctor', '--json']]) {
      const { stdout, stderr } = await memoir(['-C', log(), ...words])
      said.push(stdout, stderr)
    }
    await run('clone', address, at('copy'))
    if (isRight) {
      const following = start(['follow', address, at('replica.git'), '--status', '--json'])
      await following.prints('"lag"')
      following.child.kill('SIGINT')
      const { stdout, stderr } = await following.ended
      said.push(stdout, stderr)
      await run('-C', at('replica.git'), 'accept-rewrite')
    } else await run('follow', address, at('replica.git'))
    expectNothingSaid()
    expectNothingStored(isRight ? ['log.git', 'copy', 'replica.git'] : ['log.git'])
  })
})

test('a password that is given with a push counts for that push', { timeout: 60_000 }, async () => {
  const right = WAYS['the right password']()
  const wrong = WAYS['a wrong password']()
  const refused = { code: 'remote-failed', kind: 'auth' }
  await using opened = await open(log(), { ...QUIET, remote: right })
  const { commit } = await opened.append('s', EVENT, { ack: 'committed' })
  const [bad, good] = await Promise.allSettled([opened.push(wrong), opened.push()])
  expect(bad).toMatchObject({ reason: refused })
  expect(good).toMatchObject({ value: { commit } })
  for (const address of [undefined, network.address, right]) await opened.push(address)
  await expect(opened.push(wrong)).rejects.toMatchObject(refused)
  await opened.push(right)
})

test('what looks for it finds it', async () => {
  await fillRemote()
  const { stderr } = await memoir(['-C', log(), 'push', 'https://w0rd.invalid/log.git'])
  said.push(stderr)
  expect(expectNothingSaid).toThrow()
})

function withPassword(address: string, password: string): string {
  return address.replace('://', `://${NAME}:${password}@`)
}

function at(name: string): string {
  return join(network.folder, name)
}

function log(): string {
  return at('log.git')
}

/** A log that host and user have. */
async function fillRemote(): Promise<void> {
  await using opened = await open(log(), QUIET)
  await opened.append('s', EVENT, { ack: 'committed' })
  await opened.push(network.remote)
}

/** Everything in the library that takes an address, or goes where one leads. */
function* operations(address: string): Generator<() => Promise<unknown>> {
  const onNotice = (notice: Notice) => said.push(allThatIsIn(notice))
  const options = { ...QUIET, onNotice }
  const withLog = (work: (opened: Log) => Promise<unknown>) => async () => {
    await using opened = await open(log(), { ...options, remote: address, push: { every: 10 } })
    await opened.append('s', EVENT, { ack: 'committed' })
    try {
      said.push(allThatIsIn(await work(opened)))
    } finally {
      said.push(allThatIsIn(opened.status()))
    }
  }
  yield withLog((opened) => opened.push())
  yield withLog((opened) => opened.pull())
  yield withLog((opened) => opened.drill(address))
  yield withLog((opened) => opened.append('s', EVENT, { ack: 'pushed' }))
  yield async () => {
    await using copy = await clone(address, at('copy'), { ...options, workTree: true })
    await copy.append('s', EVENT, { ack: 'committed' })
    said.push(allThatIsIn([await copy.push(), await copy.pull(), copy.status()]))
    said.push(allThatIsIn(await copy.backup(at('backup'))))
    said.push(allThatIsIn(await restore(at('backup'), at('restored.git'))))
  }
  yield async () => {
    await using replica = await follow(address, at('replica.git'), { onNotice })
    said.push(allThatIsIn([await replica.pull(), replica.status()]))
  }
  yield async () => {
    await using shared = await open(at('shared.git'), { ...options, mode: 'shared', remote: address })
    said.push(allThatIsIn([await shared.append('s', EVENT), shared.status()]))
  }
}

/** Whether it worked; if not, what it threw was said. */
async function tried(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    said.push(allThatIsIn(error))
    return false
  }
}

function expectNothingSaid(): void {
  const lines = [...said, recorder.said].join('\n').split('\n')
  expect(lines.filter((line) => NEEDLES.some((needle) => needle.test(line)))).toEqual([])
}

/** That it stands in no file but the configurations it was given to, and that these are the user's alone to read. */
function expectNothingStored(repositories: readonly string[]): void {
  const configurations = repositories.map((name) => at(`${name}/config`))
  const found = filesBelow(network.folder).filter((path) => holdsNeedle(path))
  expect(found.sort()).toEqual(configurations.sort())
  for (const path of configurations.filter((path) => !path.startsWith(log()))) {
    expect(statSync(path).mode & 0o077).toBe(0)
  }
  const left = readdirSync(tmpdir()).filter((name) => /^memoir-(git|drill|restore)-/.test(name))
  for (const name of left) {
    expect(filesOfOthers(join(tmpdir(), name)).filter((path) => holdsNeedle(path))).toEqual([])
  }
}

function holdsNeedle(path: string): boolean {
  try {
    const text = readFileSync(path, 'latin1')
    return NEEDLES.some((needle) => needle.test(text))
  } catch {
    // It was a temporary one of another test.
    return false
  }
}

/** As `filesBelow`, of a folder that another test may just remove. */
function filesOfOthers(folder: string): string[] {
  try {
    return filesBelow(folder)
  } catch {
    return []
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** That the host was told the name and password it asked for, and git was recorded. */
function expectOnlyUs(): void {
  const told = new Set(network.server.served.flatMap(({ credentials }) => credentials ?? []))
  expect([...told]).toEqual([`${NAME}:${PASSWORD}`])
  expect(recorder.said).toMatch(/^git-remote-https$/m)
  expect(recorder.said).toContain('MEMOIR_PASSWORD')
}

/** Everything that a value can be made to print: messages, fields, stacks, causes. */
function allThatIsIn(value: unknown): string {
  const seen = new Set<unknown>()
  const texts: string[] = [String(value), JSON.stringify(value) ?? '']
  const visit = (part: unknown) => {
    if (typeof part === 'string') texts.push(part)
    if (typeof part !== 'object' || part === null || seen.has(part)) return
    seen.add(part)
    for (const key of Reflect.ownKeys(part)) visit(Reflect.get(part, key))
  }
  visit(value)
  return texts.join('\n')
}
