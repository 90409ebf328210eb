import type { Codec } from './event/event.ts'
import type { Image, ProjectionStatus } from './image/image.ts'
import type { OpenedLog } from './log/open-event-log.ts'
import { countStreamsAt } from './log/streams.ts'
import { errorCode } from './repository/durable-file.ts'
import type { DiskUsage } from './repository/maintenance/disk-usage.ts'
import type { RemoteStatus } from './sync/push/remote-status.ts'
import type { SharedStatus } from './sync/shared/shared-status.ts'

/** Where a log stands, in numbers. */
export interface LogStatus {
  readonly path: string
  /** The log's identity: the same in every clone. */
  readonly id: string
  readonly name: string
  readonly format: number
  readonly codec: Codec
  readonly engine: 'git' | 'isomorphic'
  readonly readOnly: boolean
  /** The branch of the log, such as `refs/heads/main`, and the commit it is at. */
  readonly branch: string
  readonly commit: string
  readonly events: number
  readonly streams: number
  readonly positions: {
    /** The last event in the state of every projection that is not stopped. */
    readonly image: number
    /** The last event that is acknowledged: in the journal, or in a commit. */
    readonly journal: number
    /** The last event that is in a commit. */
    readonly branch: number
  }
  /** Where the three copies of the log stand; what is undefined is not known. */
  readonly heads: {
    /** What the projections hold, and the newest commit that is wholly in it. */
    readonly image: Head
    /** The branch here. */
    readonly branch: Head
    /** The branch on the authority, as last seen: `remotes` says more. */
    readonly remote: Head | undefined
  }
  /** The remotes that the log was ever pushed to, or knows by name, the authority first. No I/O: as last seen. */
  readonly remotes: readonly RemoteStatus[]
  /** How many events wait for their commit. */
  readonly unsealed: number
  /** How many batch files the log has. */
  readonly files: number
  /** What the repository's objects take, as last measured: by `measureDisk`, or by maintenance. */
  readonly disk: DiskUsage | undefined
  /** Memory of the index, in bytes. */
  readonly indexBytes: number
  readonly projections: readonly ProjectionStatus[]
  /** Whether others append to the remote's branch as well. */
  readonly mode: 'exclusive' | 'shared'
  /** Where a shared log stands with its remote. */
  readonly shared?: SharedStatus
  /** What keeps the log from going on, if anything does. */
  readonly problem: { readonly code: string; readonly message: string } | undefined
}

export interface Head {
  readonly position: number | undefined
  readonly commit: string | undefined
}

export function statusOf(
  { log, repository, manifest, reader }: OpenedLog,
  image: Image,
  remotes: readonly RemoteStatus[],
  disk: DiskUsage | undefined,
): LogStatus {
  const { state, writer, follower } = log
  const { branch, index, visible, tail } = state
  const projections = image.status()
  const imagePosition = Math.min(visible.position, ...running(projections))
  const authority = remotes.find(({ isAuthority }) => isAuthority)
  const problem = writer?.appender.failed ?? writer?.sealer.diverged ?? follower.problem?.error
  return {
    path: repository.path,
    id: manifest.id,
    name: manifest.name,
    format: manifest.format,
    codec: manifest.codec,
    engine: reader.engine,
    readOnly: writer === undefined,
    branch: repository.branch,
    commit: branch.commit,
    events: visible.position,
    streams: countStreamsAt(index, visible.position),
    positions: {
      image: imagePosition,
      journal: visible.position,
      branch: branch.position,
    },
    heads: {
      image: { position: imagePosition, commit: imagePosition < branch.position ? undefined : branch.commit },
      branch: { position: branch.position, commit: branch.commit },
      remote: authority?.head,
    },
    remotes,
    unsealed: tail.count,
    files: branch.tree.fileCount,
    disk,
    indexBytes: index.bytes,
    projections,
    mode: 'exclusive',
    problem: problem && { code: errorCode(problem) ?? 'unknown', message: problem.message },
  }
}

function running(projections: readonly ProjectionStatus[]): number[] {
  return projections.filter(({ stopped }) => stopped === undefined).map(({ position }) => position)
}
