import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'

/**
 * Where a sign of life can be looked for. A container has process numbers of its own: those of another one mean nothing
 * in it, or another process.
 */
export interface SignOfLife {
  /** Which processes its own numbers are of: the PID namespace. */
  readonly numbers: string
  /** Where the sign can be seen: the network namespace. */
  readonly network: string
  readonly name: string
}

/** As long as a name may be: of a shorter one some versions of Node take the rest of its memory for a part of it. */
const NAME = /^memoir-[0-9a-f]{100}$/

/** Whether what stood in a file is one: a file may hold anything. */
export function isSignOfLife(value: unknown): value is SignOfLife {
  if (typeof value !== 'object' || value === null) return false
  const { numbers, network, name } = value as Partial<SignOfLife>
  return (
    typeof numbers === 'string' && typeof network === 'string' && typeof name === 'string' && NAME.test(name)
  )
}

/** A sign that this process gives, until it ends it or dies. */
export class GivenSign {
  private constructor(
    readonly sign: SignOfLife,
    private readonly server: Server,
  ) {}

  /** Begins to give a sign; undefined where the system has none to give: only Linux has names that need no file. */
  static async give(): Promise<GivenSign | undefined> {
    const numbers = namespace('pid')
    const network = namespace('net')
    if (numbers === undefined || network === undefined) return undefined
    const name = `memoir-${randomBytes(50).toString('hex')}`
    const server = createServer((connection) => connection.destroy()).unref()
    const isGiven = await new Promise<boolean>((resolve) => {
      // As where a process has no file descriptors left: it goes without.
      server.on('error', () => resolve(false))
      // Exclusive: a worker of a cluster would leave it to another process.
      server.listen({ path: pathOf(name), exclusive: true }, () => resolve(true))
    })
    return isGiven ? new GivenSign({ numbers, network, name }, server) : undefined
  }

  end(): void {
    this.server.close()
  }
}

/** Whether the process that gave a sign has the number that it knows itself by here, too. */
export function isNumberedHere({ numbers }: SignOfLife): boolean {
  return numbers === namespace('pid')
}

/**
 * Whether the process lives that gave a sign; undefined where its number says so, or the sign cannot be seen from here. The
 * system answers, also for a process that is busy or stopped.
 */
export async function looksAlive(sign: SignOfLife): Promise<boolean | undefined> {
  const { network, name } = sign
  if (isNumberedHere(sign) || network !== namespace('net')) return undefined
  return new Promise((resolve) => {
    const connection = connect(pathOf(name))
    connection.on('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'))
  })
}

function pathOf(name: string): string {
  return `\0${name}`
}

function namespace(kind: 'pid' | 'net'): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`)
  } catch {
    return undefined
  }
}
