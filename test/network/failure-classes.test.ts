import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { clone, type Log, open } from '../../src/index.ts'
import type { RemoteFailure } from '../../src/repository/git-process-errors.ts'
import { findRemoteHead } from '../../src/repository/remote-transfer.ts'
import { appendBytes } from './appending.ts'
import { type Answer, GitServer } from './git-server.ts'
import { createNetwork, type Network, type NetworkOptions } from './network.ts'
import { expectNoGitLeft, expectSound, head } from './soundness.ts'

const MAIN = 'refs/heads/main'
const PAGE = { status: 200, body: '<html>We are back soon</html>' }

const ANSWERS: readonly (readonly [what: string, answer: Answer, kind: RemoteFailure])[] = [
  ['401', { status: 401 }, 'auth'],
  ['403', { status: 403 }, 'auth'],
  ['404', { status: 404 }, 'unknown'],
  ['413', { status: 413 }, 'too-large'],
  ['429', { status: 429 }, 'network'],
  ['500', { status: 500 }, 'network'],
  ['503', { status: 503 }, 'network'],
  ['a page of its own', PAGE, 'network'],
  ['a longer page', { status: 200, body: `${PAGE.body}\n\n` }, 'network'],
  ['an empty page', { status: 200, body: '' }, 'network'],
]

describe('a host that answers', () => {
  test.each(ANSWERS)('%s is a failure of the right kind, for push and pull', async (_, answer, kind) => {
    await using user = await createUser()
    user.network.server.answer = () => answer
    await expect(user.log.push()).rejects.toMatchObject({ code: 'remote-failed', kind })
    await expect(user.log.pull()).rejects.toMatchObject({ code: 'remote-failed', kind })
    expect(head(user.network.remote)).toBe('')
    await expectNoGitLeft(user.network.folder)
  })

  test.each([
    ['413', { status: 413 }, 'too-large'],
    ['500', { status: 500 }, 'network'],
    [PAGE.body, PAGE, 'network'],
  ] as const)('%s to what a push sends is one too, and the next push works', async (_, answer, kind) => {
    await using user = await createUser()
    const { network, log } = user
    network.server.answer = ({ method }) => (method === 'POST' ? answer : undefined)
    await expect(log.push()).rejects.toMatchObject({ code: 'remote-failed', kind })
    expect(head(network.remote)).toBe('')
    network.server.answer = () => undefined
    await log.push()
    expect(head(network.remote)).toBe(log.status().commit)
    await expectSound(network, user.path)
  })

  test('500 once it has stored a push did store it', async () => {
    await using user = await createUser()
    const { network, log } = user
    network.server.answerAfterwards = ({ path }) =>
      path.endsWith('/git-receive-pack') ? { status: 500 } : undefined
    await log.push()
    expect(head(network.remote)).toBe(log.status().commit)
  })

  test('with an empty page is not taken for a host that has lost the branch', async () => {
    await using user = await createUser()
    await user.log.push()
    const repository = { gitDirectory: user.path }
    expect(await findRemoteHead(repository, user.network.address, MAIN)).toBe(user.log.status().commit)
    expect(await findRemoteHead(repository, user.network.address, 'refs/heads/other')).toBeUndefined()
    user.network.server.answer = () => ({ status: 200, body: '' })
    await expect(findRemoteHead(repository, user.network.address, MAIN)).rejects.toMatchObject({
      code: 'remote-failed',
      hint: expect.stringContaining('not a git host'),
    })
  })

  test.each([
    ['an empty page', { status: 200, body: '' }],
    ['a page of its own', PAGE],
  ] as const)('with %s is not cloned as an empty log', async (_, answer) => {
    await using user = await createUser()
    const { network } = user
    const cloned = () => clone(network.address, `${network.folder}/copy.git`)
    network.server.answer = () => answer
    await expect(cloned()).rejects.toMatchObject({ code: 'remote-failed', kind: 'network' })
    network.server.answer = () => undefined
    await expect(cloned()).rejects.toMatchObject({ code: 'not-a-log' })
    await user.log.push()
    await (await cloned()).close()
  })

  test('nothing is given up on when it was silent for long enough', async () => {
    await using user = await createUser()
    user.network.server.answer = () => 'silence'
    const silent = { kind: 'network', hint: expect.stringContaining('silent for 0.5 s') }
    await expect(user.log.push(undefined, { timeoutMs: 500 })).rejects.toMatchObject(silent)
    await expect(user.log.pull(undefined, { timeoutMs: 500 })).rejects.toMatchObject(silent)
    await expectNoGitLeft(user.network.folder)
  })
})

describe('a host that cannot be reached', () => {
  test.each([
    ['nothing listens', (address: string) => address.replace(/:\d+/, ':1'), 'network'],
    ['its name is unknown', (address: string) => address.replace('127.0.0.1', 'host.invalid'), 'network'],
    ['its certificate is for another name', (address: string) => address.replace('0.1', '0.2'), 'auth'],
  ] as const)('since %s', async (_, change, kind) => {
    await using user = await createUser()
    await using server = await GitServer.start({ ...user.network.server.options, host: '127.0.0.2' })
    const address = change(user.network.address).replace(
      `0.2:${user.network.proxy.port}`,
      `0.2:${server.port}`,
    )
    await expect(user.log.push(address)).rejects.toMatchObject({ code: 'remote-failed', kind })
    await expect(user.log.pull(address)).rejects.toMatchObject({ code: 'remote-failed', kind })
  })

  test('since nobody we trust has signed its certificate says so', async () => {
    await using user = await createUser()
    writeFileSync(`${user.network.folder}/.gitconfig`, '')
    const untrusted = { kind: 'auth', hint: expect.stringContaining('http.sslCAInfo') }
    await expect(user.log.push()).rejects.toMatchObject(untrusted)
    expect(user.network.server.served).toEqual([])
  })
})

describe('a host that asks for a password', () => {
  const options = { credentials: 'ada:s3cret-w0rd' }

  test('gets that of the credential store', async () => {
    await using user = await createUser(options)
    await user.log.push()
    expect(head(user.network.remote)).toBe(user.log.status().commit)
    expect(user.network.server.served.at(-1)?.credentials).toBe(options.credentials)
  })

  test.each(['the credential store', 'the address'])(
    'and gets a wrong one from %s tells nobody',
    async (place) => {
      await using user = await createUser(options)
      const { network, log } = user
      const wrong = network.address.replace('://', '://ada:wr0ng-w0rd@')
      writeFileSync(`${network.folder}/.git-credentials`, place === 'the address' ? '' : `${wrong}\n`)
      const remote = place === 'the address' ? wrong : network.address
      const failures = [await failureOf(log.push(remote)), await failureOf(log.pull(remote))]
      for (const failure of failures) {
        expect(failure).toMatchObject({ code: 'remote-failed', kind: 'auth' })
        expect(allThatIsIn(failure)).not.toContain('w0rd')
      }
      expect(network.server.served.map(({ credentials }) => credentials)).toContain('ada:wr0ng-w0rd')
    },
  )

  test('and sends us elsewhere does not make us tell it to somebody else', async () => {
    await using user = await createUser(options)
    const { network, log } = user
    await using other = await GitServer.start({ ...network.server.options, host: '127.0.0.2' })
    network.server.answer = ({ path }) => ({
      status: 302,
      headers: { location: other.address(path.slice(1)) },
    })
    await expect(log.push()).rejects.toMatchObject({ code: 'remote-failed' })
    expect(other.served.map(({ credentials }) => credentials).filter(Boolean)).toEqual([])
    network.server.answer = ({ path }) => ({
      status: 302,
      headers: { location: other.address(path.slice(1)).replace('https', 'http') },
    })
    await expect(log.push()).rejects.toMatchObject({ code: 'remote-failed' })
  })
})

interface User extends AsyncDisposable {
  readonly network: Network
  readonly log: Log
  readonly path: string
}

/** Has a log with one event that nobody else has. */
async function createUser(options: NetworkOptions = {}): Promise<User> {
  const network = await createNetwork(options)
  const path = `${network.folder}/log.git`
  const log = await open(path, { remote: network.address })
  await appendBytes(log, 100)
  return { network, log, path, [Symbol.asyncDispose]: () => log.close() }
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Message, fields, stack, and the same of all causes. */
function allThatIsIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.stack} ${JSON.stringify(error)} ${allThatIsIn(error.cause)}`
}
