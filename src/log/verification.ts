import type { GitReader } from '../repository/git-reader.ts'
import { type FileSystem, nodeFileSystem } from '../system/file-system.ts'
import { EventCheck } from './verification-events.ts'
import { type Finding, Findings } from './verification-findings.ts'
import { HistoryCheck } from './verification-history.ts'
import { ObjectCache, Turns } from './verification-reading.ts'
import { filesOf } from './verification-tree.ts'

export type { Finding, FindingCode } from './verification-findings.ts'

/** What a verification found out about a log. */
export interface Verification {
  /** Whether nothing is wrong: there may be warnings, but no errors. */
  readonly isSound: boolean
  /** How many events the branch holds that can be read. */
  readonly events: number
  /** How many commits were verified. */
  readonly commits: number
  /** In the order of history, then of positions. At most 1,000 of each code. */
  readonly findings: readonly Finding[]
}

export interface VerifyOptions {
  readonly reader: GitReader
  readonly repository: { readonly gitDirectory: string }
  /** Where the branch stands. A commit is enough, so a log that cannot be opened can be verified. */
  readonly branch: { readonly commit: string }
  readonly fileSystem?: FileSystem
  readonly signal?: AbortSignal | undefined
  /** Told how many commits and batch files of how many are done; first when the commits are counted. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * Verifies a whole log: every object of its history against its hash, every commit against its parent and
 * its own trailers, every event that the branch holds against the format and the events before it.
 *
 * What is damaged becomes a finding, and the rest is verified all the same. Costs one read of each object,
 * about 1 s for 100,000 events on top of that of the commits; memory is bounded by 64 MiB of objects, 20
 * bytes a commit, 8 bytes an event and the names of the streams.
 *
 * @throws the signal's reason; GitMissingError, ReaderClosedError and errors of the system: they say nothing
 *   about the log
 */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const { reader, repository, branch, fileSystem = nodeFileSystem, signal, onProgress } = options
  const findings = new Findings()
  const context = { objects: new ObjectCache(reader), findings, turns: new Turns(signal) }
  const shallow = await readShallow(repository.gitDirectory, fileSystem)

  // The files are counted with the last commit, so until then they are taken to be as many as the commits.
  const history = await new HistoryCheck(context).run(branch.commit, shallow, (done, commits) =>
    onProgress?.(done, commits),
  )
  const events = new EventCheck(context)
  const { tree, commits } = history
  if (tree !== undefined) {
    const total = commits + [...filesOf(tree)].length
    let done = commits
    await events.run(tree, () => onProgress?.(++done, total))
  }
  const all = findings.all()
  return {
    isSound: all.every(({ severity }) => severity !== 'error'),
    events: events.count,
    commits,
    findings: all,
  }
}

/** The commits at which a shallow clone ends. */
async function readShallow(gitDirectory: string, fileSystem: FileSystem): Promise<ReadonlySet<string>> {
  const text = await fileSystem.readFile(`${gitDirectory}/shallow`).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  return new Set(text.toString('latin1').split('\n'))
}
