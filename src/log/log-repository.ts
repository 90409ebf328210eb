import { basename, join } from 'node:path'
import type { Codec } from '../event/event.ts'
import { formatTime, timeOf } from '../event/time.ts'
import { commitMessage } from '../repository/commit-message.ts'
import { createRepository } from '../repository/creation.ts'
import { fileError } from '../repository/durable-file.ts'
import {
  NotALogError,
  NotARepositoryError,
  UnsupportedRepositoryError,
  WorkTreeError,
} from '../repository/errors.ts'
import type { GitReader } from '../repository/git-reader.ts'
import { EVENTS_PATH, GITATTRIBUTES, GITATTRIBUTES_PATH, MANIFEST_PATH } from '../repository/layout.ts'
import { findRepository } from '../repository/location.ts'
import { LogTree } from '../repository/log-tree.ts'
import { readRoot } from '../repository/log-tree-reading.ts'
import { encodeManifest, type Manifest, parseManifest } from '../repository/manifest.ts'
import { encodeCommit, encodeObject, type Person, parseCommit } from '../repository/object.ts'
import type { ObjectStore } from '../repository/object-store.ts'
import type { Repository } from '../repository/repository.ts'
import type { Clock } from '../system/clock.ts'
import type { FileSystem } from '../system/file-system.ts'
import { findLinkIn } from '../system/links.ts'
import type { BranchState } from './branch.ts'
import { moveRef } from './ref-move.ts'

/** Where a log keeps what is its own and not the repository's: journal, locks, snapshots. */
export function ownDirectory(repository: Repository): string {
  return `${repository.gitDirectory}/memoir`
}

/** Where the lock of whoever packs the objects lies. */
export function maintenanceDirectory(repository: Pick<Repository, 'gitDirectory'>): string {
  return `${repository.gitDirectory}/memoir/maintenance`
}

const NOT_CREATED = 'A log is not created to be read. Open it for writing first, or check the path.'

/**
 * The repository at a path, made if there is none.
 *
 * @throws NotARepositoryError, UnsupportedRepositoryError, DetachedHeadError, PermissionDeniedError, DiskFullError
 */
export async function findOrCreateRepository(
  path: string,
  fileSystem: FileSystem,
  mayCreate: boolean,
): Promise<Repository> {
  const found = await findRepository(path, fileSystem)
  if (found !== undefined) return found
  if (!mayCreate) throw new NotARepositoryError(path, 'there is nothing yet', { hint: NOT_CREATED })
  try {
    return await createRepository(path, fileSystem)
  } catch (error) {
    // Somebody else may just have created it; the writer's lock decides who writes to it.
    const created = await findRepository(path, fileSystem).catch(() => undefined)
    if (created === undefined) throw error
    return created
  }
}

/**
 * Refuses a repository whose own directory, or what the log keeps in it, is a link: whoever made the repository would say
 * where journal, locks and snapshots are written.
 *
 * @throws UnsupportedRepositoryError
 */
export async function refuseLinks(repository: Repository): Promise<void> {
  const link = await findLinkIn(ownDirectory(repository))
  if (link === undefined) return
  throw new UnsupportedRepositoryError(repository.gitDirectory, `a link at ${link}`, {
    hint: 'Remove the link if you did not make it. If you did, move what it leads to into its place.',
  })
}

/**
 * Makes the log's own directory, its name on the disk when it resolves.
 *
 * @throws UnsupportedRepositoryError, PermissionDeniedError, DiskFullError
 */
export async function makeOwnDirectory(repository: Repository, fileSystem: FileSystem): Promise<string> {
  const directory = ownDirectory(repository)
  await refuseLinks(repository)
  try {
    await fileSystem.makeDirectory(directory)
    // Even if it was there: whoever made it may have died before this. The journal stands in it.
    await fileSystem.syncDirectory(repository.gitDirectory)
  } catch (error) {
    throw fileError(directory, error)
  }
  return directory
}

export interface NewLog {
  readonly id: string
  readonly codec: Codec
  readonly author: Person
}

/**
 * Writes the first commit of a log: manifest and attributes, no events.
 *
 * @throws WorkTreeError when the work tree holds something under a name of the log's: nothing is written
 */
export async function startLog(
  repository: Repository,
  { id, codec, author }: NewLog,
  store: ObjectStore,
  fileSystem: FileSystem,
  clock: Clock,
): Promise<string> {
  await refuseTaken(repository, fileSystem)
  const timeMs = timeOf(clock)
  const name = basename(repository.path).replace(/\.git$/, '') || 'log'
  const text = encodeManifest({ format: 1, id, name, codec, created: formatTime(timeMs) })
  const manifest = encodeObject('blob', Buffer.from(text))
  const gitattributes = encodeObject('blob', Buffer.from(GITATTRIBUTES))
  const { tree, objects } = LogTree.create({ manifest: manifest.oid, gitattributes: gitattributes.oid })
  const commit = encodeCommit({
    tree: tree.oid,
    parents: [],
    author,
    timeMs,
    message: commitMessage({ kind: 'init', first: 1, count: 0, streams: [] }),
  })
  await store.write([manifest, gitattributes, ...objects, commit])
  const change = { expected: undefined, next: commit.oid }
  await moveRef(fileSystem, repository.gitDirectory, repository.branch, change, clock)
  return commit.oid
}

/** A file of the user's under a name of the log's would be in the way of every checkout. */
async function refuseTaken({ workTree }: Repository, fileSystem: FileSystem): Promise<void> {
  if (workTree === undefined) return
  for (const name of [MANIFEST_PATH, GITATTRIBUTES_PATH, EVENTS_PATH]) {
    const found = await fileSystem.stat(join(workTree, name)).catch(() => undefined)
    if (found === undefined) continue
    throw new WorkTreeError(workTree, `${name} is there already`, {
      hint: 'A log has a file or folder of this name. Move yours away, or create the log in a folder of its own.',
    })
  }
}

/** @throws NotALogError, NewerFormatError, ManifestError */
export function readManifest({ tree }: BranchState, reader: GitReader): Promise<Manifest> {
  return readManifestFile(tree.manifestOid, reader)
}

/** The identity of the log that a commit belongs to. @throws NotALogError, NewerFormatError, ManifestError */
export async function readLogId(commit: string, reader: GitReader): Promise<string> {
  const { tree } = parseCommit((await reader.read(commit)).content)
  const { manifestOid } = await readRoot(reader, tree)
  return (await readManifestFile(manifestOid, reader)).id
}

/** @throws NotALogError, NewerFormatError, ManifestError */
export async function readManifestFile(oid: string, reader: GitReader): Promise<Manifest> {
  const { type, content } = await reader.read(oid)
  if (type !== 'blob') throw new NotALogError('memoir.yaml')
  return parseManifest(content.toString('utf8'))
}
