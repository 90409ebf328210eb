import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { errorCode, fileError, replaceFile } from '../../repository/durable-file.ts'
import { ObjectMissingError } from '../../repository/errors.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { isObjectId } from '../../repository/object.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { ReplicaReplacedError } from '../errors.ts'

/** Where a replica stood when it was last checked: kept outside of it, so that it cannot be replaced unnoticed. */
export interface Pin {
  /** Id of the log. */
  readonly log: string
  /** Path of the replica. */
  readonly path: string
  readonly commit: string
  readonly position: number
  /** When it was last seen to hold all that its remote held, in milliseconds since 1970, if it was. */
  readonly equalMs?: number | undefined
}

/** The folder for what programs remember of a user: `$XDG_STATE_HOME/memoir`, or `~/.local/state/memoir`. */
export function stateDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME: given } = environment
  // The specification says to ignore a relative path.
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'state')
  return join(base, 'memoir')
}

/** The pins of a user's replicas, a file for each path. */
export class PinStore {
  private readonly directory: string

  constructor(
    stateDirectory: string,
    private readonly fileSystem: FileSystem,
  ) {
    this.directory = join(stateDirectory, 'replicas')
  }

  /** Undefined if there is none, or none that can be understood. @throws PermissionDeniedError, FileFailedError */
  async find(path: string): Promise<Pin | undefined> {
    const file = this.fileOf(path)
    try {
      return parsePin((await this.fileSystem.readFile(file)).toString('utf8'), path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw fileError(file, error)
    }
  }

  /** Durable when it resolves. @throws PermissionDeniedError, DiskFullError, FileFailedError */
  async set(pin: Pin): Promise<void> {
    const file = this.fileOf(pin.path)
    try {
      await this.fileSystem.makeDirectory(this.directory)
      await replaceFile(this.fileSystem, file, Buffer.from(`${JSON.stringify(pin)}\n`))
      await this.fileSystem.syncDirectory(this.directory)
    } catch (error) {
      throw fileError(file, error)
    }
  }

  private fileOf(path: string): string {
    return join(this.directory, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`)
  }
}

/**
 * Looks whether a replica is the one that was last checked, or a later state of it.
 *
 * @throws ReplicaReplacedError
 */
export async function checkPin(pin: Pin | undefined, { log, manifest, reader }: OpenedLog): Promise<void> {
  if (pin === undefined) return
  const { commit } = log.state.branch
  const isSame = pin.log === manifest.id && (await holds(reader, commit, pin.commit))
  if (!isSame) throw new ReplicaReplacedError(pin.path, pin.commit, commit)
}

/** Whether a history holds a commit, which need not be in the repository at all. */
export async function holds(reader: GitReader, head: string, commit: string): Promise<boolean> {
  if (head === commit) return true
  try {
    return await reader.isAncestor(commit, head)
  } catch (error) {
    if (error instanceof ObjectMissingError) return false
    throw error
  }
}

function parsePin(text: string, path: string): Pin | undefined {
  try {
    const pin = JSON.parse(text)
    const isPin =
      typeof pin.log === 'string' &&
      isObjectId(pin.commit) &&
      Number.isSafeInteger(pin.position) &&
      (pin.equalMs === undefined || Number.isFinite(pin.equalMs))
    return isPin && pin.path === path ? pin : undefined
  } catch {
    return undefined
  }
}
