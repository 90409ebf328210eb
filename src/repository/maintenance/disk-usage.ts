import type { FileSystem } from '../../system/file-system.ts'
import { errorCode, fileError } from '../durable-file.ts'

/** A pack on the disk. */
export interface Pack {
  /** Without an ending: `pack-1d45…`. */
  readonly name: string
  /** Of the pack alone, without its indexes. */
  readonly bytes: number
  /** Whether somebody said, by a file beside it, that it is to stay as it is. */
  readonly isKept: boolean
}

/** What the objects of a repository take on the disk. */
export interface DiskUsage {
  readonly looseObjects: number
  readonly packs: number
  /** Loose objects in whole blocks of 4 KiB; packs, their indexes and the commit-graph as they are. */
  readonly bytes: number
}

/** The packs that have an index: git, and we, see no others. In no order. @throws PermissionDeniedError, FileFailedError */
export async function listPacks(gitDirectory: string, fileSystem: FileSystem): Promise<Pack[]> {
  const directory = `${gitDirectory}/objects/pack`
  const names = new Set(await listOrNone(fileSystem, directory))
  const indexed = [...names]
    .filter((name) => PACK_INDEX.test(name))
    .map((name) => name.slice(0, -'.idx'.length))
  const packs = await Promise.all(
    indexed.map(async (name) => {
      const bytes = await sizeOrNone(fileSystem, `${directory}/${name}.pack`)
      return bytes === undefined ? [] : [{ name, bytes, isKept: KEPT.some((end) => names.has(name + end)) }]
    }),
  )
  return packs.flat()
}

/** How many loose objects there are: the listing of 256 folders, 3 ms. @throws PermissionDeniedError, FileFailedError */
export async function countLooseObjects(gitDirectory: string, fileSystem: FileSystem): Promise<number> {
  let count = 0
  for (const folder of FAN_OUT) count += (await listLoose(gitDirectory, folder, fileSystem)).length
  return count
}

/**
 * Measures. Of very many loose objects a sample is looked at: their names are hashes, so that every folder
 * holds about as much as another.
 *
 * @throws PermissionDeniedError, FileFailedError
 */
export async function measureDiskUsage(gitDirectory: string, fileSystem: FileSystem): Promise<DiskUsage> {
  let looseObjects = 0
  let sampled = 0
  let sampledBytes = 0
  for (const folder of FAN_OUT) {
    const paths = await listLoose(gitDirectory, folder, fileSystem)
    looseObjects += paths.length
    if (sampled > MOST_SAMPLED) continue
    const sizes = await Promise.all(paths.map((path) => sizeOrNone(fileSystem, path)))
    sampled += paths.length
    for (const size of sizes) sampledBytes += Math.ceil((size ?? 0) / BLOCK) * BLOCK
  }
  const looseBytes = sampled === 0 ? 0 : (sampledBytes / sampled) * looseObjects
  const packed = await measureFolder(`${gitDirectory}/objects/pack`, fileSystem)
  const graphs = await measureFolder(`${gitDirectory}/objects/info/commit-graphs`, fileSystem)
  const packs = packed.names.filter((name) => PACK_INDEX.test(name)).length
  return { looseObjects, packs, bytes: Math.round(looseBytes + packed.bytes + graphs.bytes) }
}

const PACK_INDEX = /^pack-[0-9a-f]{40}\.idx$/
const KEPT = ['.keep', '.promisor', '.mtimes']
const FAN_OUT = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const BLOCK = 4096
const MOST_SAMPLED = 10_000

async function listLoose(gitDirectory: string, folder: string, fileSystem: FileSystem): Promise<string[]> {
  const directory = `${gitDirectory}/objects/${folder}`
  const names = await listOrNone(fileSystem, directory)
  return names.filter((name) => /^[0-9a-f]{38}$/.test(name)).map((name) => `${directory}/${name}`)
}

async function measureFolder(
  directory: string,
  fileSystem: FileSystem,
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const names = await listOrNone(fileSystem, directory)
  const sizes = await Promise.all(names.map((name) => sizeOrNone(fileSystem, `${directory}/${name}`)))
  return { names, bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) }
}

/** None of a folder that is not there, and of what is none: somebody put it there, and git passes over it as well. */
async function listOrNone(fileSystem: FileSystem, directory: string): Promise<string[]> {
  return fileSystem.list(directory).catch(unlessGone<string[]>(directory, []))
}

/** Undefined for a file that somebody removed just now. */
async function sizeOrNone(fileSystem: FileSystem, path: string): Promise<number | undefined> {
  return fileSystem.stat(path).then(({ size }) => size, unlessGone<undefined>(path, undefined))
}

function unlessGone<T>(path: string, value: T): (error: unknown) => T {
  return (error) => {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return value
    throw fileError(path, error)
  }
}
