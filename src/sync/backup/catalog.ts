import { parseTime } from '../../event/time.ts'
import { errorCode, fileError } from '../../repository/durable-file.ts'
import { NewerFormatError } from '../../repository/errors.ts'
import { isObjectId } from '../../repository/object.ts'
import type { FileSystem } from '../../system/file-system.ts'
import { type BundleRange, bundleName, isBundleName } from './bundle-range.ts'
import { BackupDamagedError, BackupMissingError } from './errors.ts'

/** A bundle as the catalog knows it. */
export interface CatalogBundle extends BundleRange {
  /** The commit that the branch stands at when it is unpacked. */
  readonly commit: string
  /** When its last event was recorded; undefined for a log without events. */
  readonly time?: string
  readonly bytes: number
  readonly sha256: string
}

/**
 * What a backup holds. A bundle counts from when the catalog names it; other files in the folder are what an
 * interrupted backup left.
 */
export interface Catalog {
  readonly format: 1
  /** The log's identity. */
  readonly log: string
  readonly name: string
  /** Full name of the branch. */
  readonly branch: string
  /** From the start of the log on, without a gap. */
  readonly bundles: readonly CatalogBundle[]
}

export const CATALOG_NAME = 'backup.json'

const KNOWN_FORMAT = 1
/** A bundle takes some 250 bytes, and n events lie in no more than log2(n) + 1 of them. */
const MOST_BYTES = 1 << 20
const NO_CATALOG = 'is no catalog of a backup'

/**
 * The catalog of a backup that can be restored.
 *
 * @throws BackupMissingError, also where the first bundle was never finished
 * @throws BackupDamagedError, NewerFormatError, PermissionDeniedError, FileFailedError
 */
export async function readCatalog(directory: string, fileSystem: FileSystem): Promise<Catalog> {
  const catalog = await findCatalog(directory, fileSystem)
  if (catalog === undefined) {
    const names = await fileSystem.list(directory).catch(() => [])
    if (names.some(isBundleName)) throw lostCatalog(directory)
  }
  if (catalog === undefined || catalog.bundles.length === 0) throw new BackupMissingError(directory)
  return catalog
}

/** Of a folder that holds bundles, and does not say what they are. */
export function lostCatalog(directory: string): BackupDamagedError {
  return new BackupDamagedError(directory, CATALOG_NAME, 'is missing, and there are bundles')
}

/** Undefined where there is none. @throws BackupDamagedError, NewerFormatError, PermissionDeniedError, FileFailedError */
export async function findCatalog(directory: string, fileSystem: FileSystem): Promise<Catalog | undefined> {
  const path = `${directory}/${CATALOG_NAME}`
  const refuse = (what: string) => new BackupDamagedError(directory, CATALOG_NAME, what)
  let text: string
  try {
    if ((await fileSystem.stat(path)).size > MOST_BYTES) throw refuse(NO_CATALOG)
    text = (await fileSystem.readFile(path)).toString('utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw fileError(path, error)
  }
  const catalog = parseCatalog(text, directory)
  if (typeof catalog !== 'string') return catalog
  throw refuse(catalog)
}

/** One bundle a line, so that a person can read it. */
export function encodeCatalog({ bundles, ...head }: Catalog): string {
  const lines = bundles.map((bundle) => `\n    ${JSON.stringify(bundle)}`)
  const fields = Object.entries(head).map(([name, value]) => `  "${name}": ${JSON.stringify(value)},\n`)
  return `{\n${fields.join('')}  "bundles": [${lines.join(',')}\n  ]\n}\n`
}

/** A catalog, or what is wrong with it. @throws NewerFormatError */
function parseCatalog(text: string, directory: string): Catalog | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'is no JSON'
  }
  const { format, log, name, branch, bundles } = (value ?? {}) as Partial<Record<keyof Catalog, unknown>>
  if (Number.isInteger(format) && Number(format) > KNOWN_FORMAT) {
    throw new NewerFormatError(Number(format), KNOWN_FORMAT, `the backup in ${directory}`)
  }
  const isHead = format === 1 && isText(log) && isText(name) && isBranch(branch) && Array.isArray(bundles)
  if (!isHead) return NO_CATALOG
  const checked: CatalogBundle[] = []
  for (const bundle of bundles) {
    if (!isBundle(bundle)) return `entry ${checked.length + 1} describes no bundle`
    const next = (checked.at(-1)?.last ?? -1) + 1
    if (bundle.first !== next) {
      return `has no bundle from position ${next} on: the next is ${bundleName(bundle)}`
    }
    checked.push(bundle)
  }
  return { format: 1, log, name, branch, bundles: checked }
}

function isBundle(value: unknown): value is CatalogBundle {
  if (typeof value !== 'object' || value === null) return false
  const { first, last, commit, time, bytes, sha256 } = value as Partial<Record<keyof CatalogBundle, unknown>>
  const isTimed = time === undefined ? last === 0 : isText(time) && parseTime(time) !== undefined
  return (
    isCount(first) &&
    isCount(last) &&
    last >= first &&
    isText(commit) &&
    isObjectId(commit) &&
    isTimed &&
    isCount(bytes) &&
    isText(sha256) &&
    /^[0-9a-f]{64}$/.test(sha256)
  )
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isBranch = (value: unknown): value is string => isText(value) && value.startsWith('refs/heads/')
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
