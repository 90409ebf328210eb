import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isThere } from '../crash/mount.ts'

const SSHD = '/usr/sbin/sshd'

/** Why there can be no ssh server here, for the name of a test that is skipped; undefined if there can. */
export function whyNoSsh(): string | undefined {
  if (!existsSync(SSHD)) return 'needs openssh-server'
  if (!isThere('ssh')) return 'needs openssh-client'
  // It has no use for other users' rights, but asks for this folder all the same.
  return existsSync('/run/sshd') || process.getuid?.() === 0 ? undefined : 'needs /run/sshd'
}

/** A real sshd on this machine, with keys of its own, that lets this very user in. */
export class SshServer implements AsyncDisposable {
  readonly user = userInfo().username
  readonly port: number
  readonly #folder: string
  readonly #process: ChildProcess

  /** @param folder an empty one for its keys */
  static async start(folder: string): Promise<SshServer> {
    if (!existsSync('/run/sshd')) mkdirSync('/run/sshd')
    for (const key of ['host', 'user', 'stranger']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)])
    }
    writeFileSync(join(folder, 'authorized'), readFileSync(join(folder, 'user.pub')))
    const server = new SshServer(folder, await freePort())
    await server.#listening()
    return server
  }

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.port = port
    const settings = {
      ListenAddress: '127.0.0.1',
      Port: port,
      HostKey: join(folder, 'host'),
      AuthorizedKeysFile: join(folder, 'authorized'),
      PasswordAuthentication: 'no',
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`)
    writeFileSync(join(folder, 'sshd_config'), lines.join(''))
    this.#process = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  /**
   * The setting `core.sshCommand` of a user who has a key.
   *
   * @param known the port at which the user knows the server: it proves there who it is
   */
  command(known: number | undefined, key: 'user' | 'stranger' = 'user'): string {
    const hosts = join(this.#folder, `known-${known}`)
    const [type, hostKey] = readFileSync(join(this.#folder, 'host.pub'), 'utf8').split(' ')
    writeFileSync(hosts, known === undefined ? '' : `[127.0.0.1]:${known} ${type} ${hostKey}\n`)
    const options = ['IdentitiesOnly=yes', 'BatchMode=yes', `UserKnownHostsFile=${hosts}`]
    return `ssh -F none -i ${join(this.#folder, key)} ${options.map((option) => `-o ${option}`).join(' ')}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.kill()
    await ended
  }

  async #listening(): Promise<void> {
    let said = ''
    for await (const line of createInterface({ input: this.#process.stderr! })) {
      if (line.startsWith('Server listening')) {
        this.#process.stderr!.resume()
        return
      }
      said += `${line}\n`
    }
    throw new Error(`sshd ended: ${said}`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
