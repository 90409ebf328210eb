import { createHash, randomBytes } from 'node:crypto'
import { type BundleWriter, MOST_HEADER_BYTES, parseBundleHeader } from '../../repository/bundle.ts'
import { errorCode, fileError, removeQuietly, writeFully } from '../../repository/durable-file.ts'
import type { TransferOptions } from '../../repository/remote-transfer.ts'
import type { File, FileSystem } from '../../system/file-system.ts'
import { type BundleRange, bundleName, isBundleName } from './bundle-range.ts'
import type { Catalog, CatalogBundle } from './catalog.ts'
import { BackupDamagedError } from './errors.ts'

/** Where a backup lies. */
export interface BackupFolder {
  readonly directory: string
  readonly fileSystem: FileSystem
}

/** What was stored. */
export interface StoredBundle {
  readonly bytes: number
  readonly sha256: string
}

const CHUNK = 1 << 20

/**
 * Stores a bundle: under a temporary name, synced, read back, looked at by git, and only then under its own.
 *
 * @throws BackupDamagedError when the folder does not give back what was written to it
 * @throws DiskFullError, PermissionDeniedError, FileFailedError, GitFailedError: nothing is left of it
 */
export async function storeBundle(
  { directory, fileSystem }: BackupFolder,
  range: BundleRange,
  writer: BundleWriter,
  options: TransferOptions,
): Promise<StoredBundle> {
  const name = bundleName(range)
  const temporary = `${directory}/${name}.${randomBytes(8).toString('hex')}.tmp`
  try {
    const stored = await writeBundle(fileSystem, temporary, writer, options)
    const found = await hashFile(fileSystem, temporary, options.signal)
    if (found.sha256 !== stored.sha256) {
      throw new BackupDamagedError(directory, name, 'what was read back is not what was written')
    }
    await writer.verify(temporary, options.signal)
    await fileSystem.rename(temporary, `${directory}/${name}`)
    await syncNames({ directory, fileSystem })
    return stored
  } catch (error) {
    await removeQuietly(fileSystem, temporary)
    throw told(temporary, error)
  }
}

/** What the file system answered, as an error of ours; whatever else was thrown as it is. */
export function told(path: string, error: unknown): unknown {
  return errorCode(error) === undefined ? error : fileError(path, error)
}

/** What `storeBundle` leaves when the process is killed. */
export function isTemporary(name: string): boolean {
  const [, bundle] = /^(.*)\.[0-9a-f]{16}\.tmp$/.exec(name) ?? []
  return bundle !== undefined && isBundleName(bundle)
}

/** Makes names durable, where the file system knows of that: a mounted bucket may not. */
export async function syncNames({ directory, fileSystem }: BackupFolder): Promise<void> {
  try {
    await fileSystem.syncDirectory(directory)
  } catch (error) {
    if (!['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error) ?? '')) throw error
  }
}

/** Which bundle is not there any more, or not as long as it was written; undefined if none. Reads none of them. */
export async function findLost(
  { directory, fileSystem }: BackupFolder,
  { bundles }: Pick<Catalog, 'bundles'>,
): Promise<BackupDamagedError | undefined> {
  for (const bundle of bundles) {
    const name = bundleName(bundle)
    const stat = await fileSystem.stat(`${directory}/${name}`).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw told(`${directory}/${name}`, error)
    })
    if (stat === undefined) return new BackupDamagedError(directory, name, IS_MISSING)
    if (stat.kind !== 'file') return new BackupDamagedError(directory, name, 'is no file')
    if (stat.size !== bundle.bytes)
      return new BackupDamagedError(directory, name, otherSize(stat.size, bundle))
  }
  return undefined
}

const IS_MISSING = 'is missing'
const otherSize = (found: number, { bytes }: CatalogBundle) => `has ${found} bytes, ${bytes} were written`

/**
 * Checks the bytes of a bundle, then its head.
 *
 * @returns its pack, which may end with the same errors
 * @throws BackupDamagedError, PermissionDeniedError, FileFailedError
 */
export async function checkBundle(
  { directory, fileSystem }: BackupFolder,
  branch: string,
  bundle: CatalogBundle,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const name = bundleName(bundle)
  const path = `${directory}/${name}`
  const refuse = (what: string): never => {
    throw new BackupDamagedError(directory, name, what)
  }
  const explain = (error: unknown): never => {
    if (errorCode(error) === 'ENOENT') refuse(IS_MISSING)
    throw told(path, error)
  }
  try {
    // A device has no end.
    const lost = await findLost({ directory, fileSystem }, { bundles: [bundle] })
    if (lost !== undefined) throw lost
    const { sha256, start } = await hashFile(fileSystem, path, signal)
    if (sha256 !== bundle.sha256) refuse('is not what was written: its SHA-256 differs')
    const header = parseBundleHeader(start) ?? refuse('is no bundle of a log')
    if (header.refs.size !== 1 || header.refs.get(branch) !== bundle.commit) {
      refuse(`does not hold ${branch} at ${bundle.commit}`)
    }
    if (bundle.first === 0 && header.prerequisites.length > 0) refuse('needs commits that no bundle holds')
    return explained(chunks(fileSystem, path, header.bytes), explain)
  } catch (error) {
    return explain(error)
  }
}

/** The same bytes, with another error for one that ends them. */
async function* explained(
  bytes: AsyncIterable<Uint8Array>,
  explain: (error: unknown) => never,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    explain(error)
  }
}

async function writeBundle(
  fileSystem: FileSystem,
  path: string,
  writer: BundleWriter,
  options: TransferOptions,
): Promise<StoredBundle> {
  const hash = createHash('sha256')
  const file = await fileSystem.open(path, 'wx')
  let bytes = 0
  try {
    await writer.write(async (chunk) => {
      hash.update(chunk)
      await writeFully(file, chunk, bytes)
      bytes += chunk.length
    }, options)
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function hashFile(
  fileSystem: FileSystem,
  path: string,
  signal: AbortSignal | undefined,
): Promise<StoredBundle & { readonly start: Buffer }> {
  const hash = createHash('sha256')
  let bytes = 0
  let start = Buffer.alloc(0)
  for await (const chunk of chunks(fileSystem, path, 0)) {
    signal?.throwIfAborted()
    if (bytes < MOST_HEADER_BYTES) start = Buffer.concat([start, chunk]).subarray(0, MOST_HEADER_BYTES)
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex'), start }
}

/** A file from a place on. */
async function* chunks(fileSystem: FileSystem, path: string, from: number): AsyncGenerator<Buffer> {
  const file: File = await fileSystem.open(path, 'r')
  try {
    for (let at = from; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK)
      const count = await file.read(chunk, 0, CHUNK, at)
      if (count === 0) return
      yield chunk.subarray(0, count)
      at += count
    }
  } finally {
    await file.close()
  }
}
