import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import { testProgram } from '../crash/program.ts'
import { within } from '../crash/time-limit.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { fsck, git } from '../repository/real-git.ts'
import { createCertificate } from './certificate.ts'
import type { GitServerOptions } from './git-server.ts'
import { Namespaces } from './namespaces.ts'
import { expectNoGitLeft, expectPrefix, head, leftovers } from './soundness.ts'
import type { UserAnswer, UserOrders, UserRequest } from './user.ts'

/** Nothing takes longer, however bad the network: TCP waits a second and more for what was lost. */
const LIMIT_MS = 120_000
/** How long a transfer may be silent. */
const TIMEOUT_MS = 1_500

/** A git host on one machine, a user with a log and a replica on another, and the cable between them. */
export interface World {
  readonly namespaces: Namespaces
  /** Lets the user do something. */
  readonly ask: (request: UserRequest) => Promise<UserAnswer>
  /** Resolves when the next request reaches the host. */
  readonly nextRequest: () => Promise<void>
  /** Checks that no history has split. */
  readonly check: () => Promise<void>
  /** Pushes and follows, and checks that all have all. */
  readonly settle: () => Promise<void>
  /** Ends the user, and checks that nothing is left. */
  readonly end: () => Promise<void>
}

export async function createWorld(): Promise<World> {
  const folder = temporaryFolder()
  const namespaces = new Namespaces()
  const [remote, log, replica] = ['host/log.git', 'log.git', 'replica.git'].map(
    (name) => `${folder}/${name}`,
  ) as [string, string, string]
  git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  const { farAddress: host } = namespaces
  const certificate = createCertificate([host])
  writeFileSync(`${folder}/authority.pem`, certificate.authority)
  writeFileSync(`${folder}/.gitconfig`, `[http]\n\tsslCAInfo = ${folder}/authority.pem\n`)

  const server: GitServerOptions = { folder: `${folder}/host`, certificate, host }
  const requests = start(namespaces.on(namespaces.far, ...node('network/host', server)), folder)
  const { port } = await requests.next<{ port: number }>()
  const orders: UserOrders = {
    log,
    replica,
    address: `https://${host}:${port}/log.git`,
    timeoutMs: TIMEOUT_MS,
  }
  const user = start(namespaces.on(namespaces.near, ...node('network/user', orders)), folder)
  await user.next()

  const ask = async (request: UserRequest): Promise<UserAnswer> => {
    user.child.stdin.write(`${JSON.stringify(request)}\n`)
    return await user.next()
  }
  const check = async () => {
    await expectPrefix(remote, log)
    await expectPrefix(replica, remote)
  }
  return {
    namespaces,
    ask,
    check,
    nextRequest: async () => {
      requests.forget()
      await requests.next()
    },
    settle: async () => {
      expect(await ask({ action: 'push' })).toMatchObject({ failure: null })
      expect(head(remote)).toBe(head(log))
      const { written, followed } = await ask({ action: 'catch up' })
      expect(followed).toBe(written)
      expect(head(replica)).toBe(head(remote))
    },
    end: async () => {
      user.child.stdin.end()
      await within(LIMIT_MS, user.ended)
      await expectNoGitLeft(folder)
      for (const repository of [remote, log, replica]) {
        expect(fsck(repository)).toBe('')
        expect(leftovers(repository).filter((path) => !path.includes('/tmp_'))).toEqual([])
      }
    },
  }
}

function node(program: string, orders: unknown): [string, ...string[]] {
  return [process.execPath, testProgram(program), JSON.stringify(orders)]
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<unknown>
  /** The next line that it says. */
  readonly next: <Said>() => Promise<Said>
  /** Forgets the lines that nobody asked for. */
  readonly forget: () => void
}

/** Starts a process that says lines of JSON; it is killed when the test ends. */
function start([command, words]: [string, string[]], home: string): Started {
  const child = spawn(command, words, { env: { PATH: process.env.PATH, HOME: home } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const lines: string[] = []
  let wake: () => void = () => undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    wake()
  })
  const line = async (): Promise<string> => {
    for (;;) {
      const first = lines.shift()
      if (first !== undefined) return first
      const more = new Promise<void>((resolve) => {
        wake = resolve
      })
      const end = ended.then(() => Promise.reject(new Error(`it ended: ${said}`)))
      await within(LIMIT_MS, Promise.race([more, end]))
    }
  }
  return {
    child,
    ended,
    next: async () => JSON.parse(await line()),
    forget: () => void lines.splice(0),
  }
}
