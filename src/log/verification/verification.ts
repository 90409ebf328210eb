import { fileError } from '../../repository/durable-file.ts'
import type { GitReader } from '../../repository/git-reader.ts'
import { parseCommit } from '../../repository/object.ts'
import { readShallow } from '../../repository/shallow.ts'
import { type FileSystem, nodeFileSystem } from '../../system/file-system.ts'
import { EventCheck } from './events.ts'
import { type Finding, Findings } from './findings.ts'
import { HistoryCheck } from './history.ts'
import { ObjectCache, Turns, type VerificationContext } from './reading.ts'
import { filesOf, readHistoricTree } from './tree.ts'

export type { Finding } from './findings.ts'

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
  /** Told how many commits and batch files of how many are done; first when all commits are counted. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * Verifies a whole log: every object of its history against its hash, every commit against its parent and
 * its own trailers, every event that the branch holds against the format and the events before it.
 *
 * What is damaged becomes a finding, and the rest is verified all the same. Nearly every object is read once
 * only: 15 s for 50,000 commits of one event. Memory is bounded by 64 MiB of objects, 20 bytes a commit,
 * 8 bytes an event and the names of the streams.
 *
 * @throws the signal's reason; GitMissingError, ReaderClosedError, PermissionDeniedError and errors of the system:
 *   they say nothing about the log
 */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const { reader, repository, branch, fileSystem = nodeFileSystem, signal, onProgress } = options
  const objects = `${repository.gitDirectory}/objects`
  // What this user may not read is not damaged: git would tell of both in the same words.
  await fileSystem.list(objects).catch((cause) => {
    throw fileError(objects, cause)
  })
  const findings = new Findings()
  const context = { objects: new ObjectCache(reader), findings, turns: new Turns(signal) }
  const shallow = await readShallow(repository.gitDirectory, fileSystem)

  const files = await countFiles(branch.commit, { ...context, findings: new Findings() })
  let done = 0
  const report = (commits: number) => onProgress?.(++done, Math.max(done, commits + files))
  const { tree, commits } = await new HistoryCheck(context).run(branch.commit, shallow, report)
  const events = new EventCheck(context)
  if (tree !== undefined) await events.run(tree, () => report(commits))
  const all = findings.all()
  return {
    isSound: all.every(({ severity }) => severity !== 'error'),
    events: events.count,
    commits,
    findings: all,
  }
}

/** How many batch files the end of the branch has; 0 when it cannot be read, which is told in its turn. */
async function countFiles(head: string, context: VerificationContext): Promise<number> {
  try {
    const { tree } = parseCommit(await context.objects.read(head, 'commit'))
    const files = await readHistoricTree(context, tree, head, undefined)
    return files === undefined ? 0 : [...filesOf(files)].length
  } catch {
    return 0
  }
}
