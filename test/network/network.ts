import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { git, temporaryDirectory } from '../repository/real-git.ts'
import { type Certificate, createCertificate } from './certificate.ts'
import { FaultyProxy } from './faulty-proxy.ts'
import { GitServer } from './git-server.ts'

/** A git host with one empty repository, a user whose git trusts it, and the network between the two. */
export interface Network {
  readonly server: GitServer
  readonly proxy: FaultyProxy
  /** Where the host keeps the repository. */
  readonly remote: string
  /** How the user reaches it: through the network. */
  readonly address: string
  /** A folder of the user's. */
  readonly folder: string
}

export interface NetworkOptions {
  /** Default: https. */
  readonly scheme?: 'http' | 'https'
  /** What the host asks for and the user's credential store holds. */
  readonly credentials?: string
}

/** One for all tests of a file. */
let certificate: Certificate | undefined

/** Makes a network for one test; the user's configuration is that of this process until the test ends. */
export async function createNetwork({
  scheme = 'https',
  credentials,
}: NetworkOptions = {}): Promise<Network> {
  const folder = temporaryDirectory()
  const remote = join(folder, 'host', 'log.git')
  git(folder, ['init', '--quiet', '--bare', '--initial-branch=main', remote])
  if (scheme === 'https') certificate ??= createCertificate(['127.0.0.1', 'localhost'])
  const server = await GitServer.start({
    folder: join(folder, 'host'),
    ...(scheme === 'https' && certificate && { certificate }),
    ...(credentials && { credentials }),
  })
  const proxy = await FaultyProxy.start({ port: server.port, host: '127.0.0.1' })
  onTestFinished(async () => {
    await proxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  const address = server.address('log.git', proxy.port)
  if (certificate !== undefined) writeFileSync(join(folder, 'authority.pem'), certificate.authority)
  const trust = `[http]\n\tsslCAInfo = ${join(folder, 'authority.pem')}\n`
  const helper = credentials === undefined ? '' : '[credential]\n\thelper = store\n'
  writeFileSync(join(folder, '.gitconfig'), trust + helper)
  const withCredentials = address.replace('://', `://${credentials}@`)
  if (credentials !== undefined) writeFileSync(join(folder, '.git-credentials'), `${withCredentials}\n`)
  setForTest('HOME', folder)
  setForTest('XDG_CONFIG_HOME', join(folder, 'none'))
  return { server, proxy, remote, address, folder }
}

/** Sets a variable of this process until the test ends. */
export function setForTest(name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  onTestFinished(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}
