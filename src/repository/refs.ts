import type { FileSystem } from '../system/file-system.ts'
import { errorCode, fileError } from './durable-file.ts'
import { DetachedHeadError, InvalidRefError, NotARepositoryError } from './errors.ts'
import { isObjectId } from './object.ts'

/** What a ref file holds: the id of an object, or the name of another ref. */
export type RefValue =
  | { readonly kind: 'oid'; readonly oid: string }
  | { readonly kind: 'symbolic'; readonly target: string }

/** As in git. */
const MAX_SYMBOLIC_DEPTH = 5

/**
 * The id a ref stands at, symbolic refs followed; undefined if there is no such ref.
 *
 * @throws InvalidRefError
 */
export async function readRef(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
): Promise<string | undefined> {
  let name = ref
  for (let depth = 0; depth <= MAX_SYMBOLIC_DEPTH; depth++) {
    const value = await readRefValue(fileSystem, gitDirectory, name)
    if (value?.kind !== 'symbolic') return value?.oid
    name = value.target
  }
  throw pointsNowhere(ref)
}

/**
 * What a ref itself holds: its own file if it has one, else its line in `packed-refs`.
 *
 * @throws InvalidRefError
 */
export async function readRefValue(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
): Promise<RefValue | undefined> {
  validateRef(ref)
  // In this order: git writes packed-refs before it removes the files it packed.
  const text = await readText(fileSystem, `${gitDirectory}/${ref}`)
  if (text === undefined) return await readPackedRef(fileSystem, gitDirectory, ref)
  const value = text.trimEnd()
  if (isObjectId(value)) return { kind: 'oid', oid: value }
  const target = /^ref:\s*(\S+)$/.exec(value)?.[1]
  if (target === undefined) throw new InvalidRefError(ref, 'holds neither an object id nor the name of a ref')
  return { kind: 'symbolic', target }
}

/**
 * The branch HEAD points at, such as `refs/heads/main`; it need not have a commit yet. Where that is another name
 * for a branch, as `master` may be for `main`, it is the branch itself: as in git, commits go there.
 *
 * @throws DetachedHeadError, InvalidRefError, NotARepositoryError
 */
export async function readHead(fileSystem: FileSystem, gitDirectory: string): Promise<string> {
  const head = await readRefValue(fileSystem, gitDirectory, 'HEAD')
  if (head === undefined) throw new NotARepositoryError(gitDirectory, 'it has no HEAD')
  if (head.kind === 'oid') throw new DetachedHeadError(gitDirectory)
  let branch = head.target
  for (let depth = 0; depth < MAX_SYMBOLIC_DEPTH; depth++) {
    const value = await readRefValue(fileSystem, gitDirectory, branch)
    if (value?.kind !== 'symbolic') return branch
    branch = value.target
  }
  throw pointsNowhere('HEAD')
}

function pointsNowhere(ref: string): InvalidRefError {
  return new InvalidRefError(ref, 'points at itself, or through too many other refs')
}

/**
 * Refuses what git refuses as a name, and what is no name below `refs/` (but HEAD): a ref is a path too.
 *
 * @throws InvalidRefError
 */
export function validateRef(ref: string): void {
  if (ref === 'HEAD') return
  if (!ref.startsWith('refs/')) throw new InvalidRefError(ref, 'does not start with refs/')
  const isName =
    !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$/.test(ref) &&
    ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  if (!isName) throw new InvalidRefError(ref, 'is not a name that git allows')
}

async function readPackedRef(
  fileSystem: FileSystem,
  gitDirectory: string,
  ref: string,
): Promise<RefValue | undefined> {
  const text = await readText(fileSystem, `${gitDirectory}/packed-refs`)
  const line = text?.split('\n').find((candidate) => candidate.slice(41).trimEnd() === ref)
  if (line === undefined) return undefined
  const oid = line.slice(0, 40)
  if (!isObjectId(oid)) throw new InvalidRefError(ref, 'is malformed in packed-refs')
  return { kind: 'oid', oid }
}

/** Undefined if there is no such file. Refs may stand where a longer name has its directory, or the other way round. */
async function readText(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    return (await fileSystem.readFile(path)).toString('utf8')
  } catch (error) {
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw fileError(path, error)
  }
}
