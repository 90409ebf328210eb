import { createHash } from 'node:crypto'
import { EARLIEST_TIME, LATEST_TIME } from '../../event/time.ts'
import { fileError, replaceFile } from '../../repository/durable-file.ts'
import type { RemoteFailure } from '../../repository/git-process-errors.ts'
import { isObjectId } from '../../repository/object.ts'
import type { FileSystem } from '../../system/file-system.ts'

/** The longest message there is holds 64 KiB of what git printed. */
const MOST_BYTES = 1 << 20

/** What is remembered of a remote from one process to the next: for `status`, never for a decision. */
export interface RemoteRecord {
  /** Name or address, without credentials. */
  readonly remote: string
  /** Where its branch was last seen; `position` is undefined for a commit that is not here. */
  readonly head?: { readonly commit: string; readonly position: number | undefined } | undefined
  /** When it last was known to have all that was committed here, in milliseconds since 1970. */
  readonly pushedAt?: number | undefined
  readonly failure?: RemoteFailureRecord | undefined
  /** When it will be pushed to again, if that is decided. */
  readonly nextTryAt?: number | undefined
}

export interface RemoteFailureRecord {
  readonly at: number
  readonly kind: RemoteFailure
  readonly code: string
  readonly message: string
  readonly mayHaveArrived: boolean
}

/**
 * The records of all remotes of a repository, a file each below `memoir/remotes/`: git keeps a ref for a
 * remote that has a name, but nothing for one given by address, and no times and errors for either.
 */
export class RemoteRecords {
  constructor(
    private readonly directory: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /** All records that can be read. One that cannot is as one that is not there: the next push writes it anew. */
  async load(): Promise<RemoteRecord[]> {
    const names = await this.fileSystem.list(this.directory).catch(() => [])
    const records = names
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => this.read(`${this.directory}/${name}`))
    return (await Promise.all(records)).filter((record) => record !== undefined)
  }

  /** @throws DiskFullError, PermissionDeniedError, FileFailedError */
  async save(record: RemoteRecord): Promise<void> {
    const path = `${this.directory}/${fileName(record.remote)}`
    try {
      await this.fileSystem.makeDirectory(this.directory)
    } catch (error) {
      throw fileError(this.directory, error)
    }
    await replaceFile(this.fileSystem, path, Buffer.from(`${JSON.stringify(record)}\n`))
  }

  private async read(path: string): Promise<RemoteRecord | undefined> {
    try {
      if ((await this.fileSystem.stat(path)).size > MOST_BYTES) return undefined
      const record: unknown = JSON.parse((await this.fileSystem.readFile(path)).toString('utf8'))
      return isRecord(record) && path.endsWith(`/${fileName(record.remote)}`) ? record : undefined
    } catch {
      return undefined
    }
  }
}

/** An address may be longer than a file's name, and hold any character. */
function fileName(remote: string): string {
  return `${createHash('sha1').update(remote).digest('hex').slice(0, 16)}.json`
}

function isRecord(value: unknown): value is RemoteRecord {
  if (typeof value !== 'object' || value === null) return false
  const { remote, head, pushedAt, failure, nextTryAt } = value as Partial<RemoteRecord>
  return (
    typeof remote === 'string' &&
    isOptional(head, ({ commit, position }) => isObjectId(commit) && isOptional(position, isNumber)) &&
    isOptional(pushedAt, isTime) &&
    isOptional(nextTryAt, isTime) &&
    isOptional(failure, ({ at, kind, code, message }) => isTime(at) && [kind, code, message].every(isText))
  )
}

function isOptional<T>(value: T | undefined, isFine: (value: T) => boolean): boolean {
  return value === undefined || (value !== null && isFine(value))
}

const isTime = (value: unknown): boolean =>
  typeof value === 'number' && value >= EARLIEST_TIME && value <= LATEST_TIME
const isNumber = (value: unknown): boolean => Number.isFinite(value)
const isText = (value: unknown): boolean => typeof value === 'string'
