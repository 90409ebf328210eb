import { formatTime, timeOf } from '../../event/time.ts'
import { readBranchState } from '../../log/branch.ts'
import { commonPosition } from '../../log/history.ts'
import type { OpenedLog } from '../../log/open-event-log.ts'
import { moveRef } from '../../log/ref-move.ts'
import { removeQuietly } from '../../repository/durable-file.ts'
import { readRef } from '../../repository/refs.ts'
import { checkLine } from '../line-check.ts'
import { checkSameLog, type Ports } from './gate.ts'

/** What it means to take the history of a remote for ours. */
export interface Rewrite {
  /** The commit here, and the one on the remote. */
  readonly from: string
  readonly to: string
  /** Up to here both hold the same events. */
  readonly commonPosition: number
  /** How many events after it are here, and how many are there. */
  readonly lost: number
  readonly gained: number
}

const REPLACED = 'refs/memoir/replaced/'

/**
 * Compares the events here with those of another history, without taking them in.
 *
 * @throws OtherLogError, UnexpectedEntryError, NotALogError, InvalidBatchError, ObjectTooLargeError, and the
 *   signal's reason
 */
export async function describeRewrite(opened: OpenedLog, to: string, signal?: AbortSignal): Promise<Rewrite> {
  const { log, reader } = opened
  await checkSameLog(opened, to)
  const before = log.state.branch
  const after = await readBranchState(to, reader, log.source, before)
  const common = await commonPosition(before, after, log.source, signal)
  return {
    from: before.commit,
    to,
    commonPosition: common,
    lost: before.position - common,
    gained: after.position - common,
  }
}

/**
 * Takes another history for ours, after the same look at it as at any other. The old one stays under a ref
 * of its own.
 *
 * @returns that ref
 * @throws what `checkLine` and `examine` throw, and the signal's reason: everything stays as it was
 */
export async function replaceHistory(
  { log, repository, reader, manifest }: OpenedLog,
  to: string,
  { fileSystem, clock }: Ports,
  signal?: AbortSignal,
): Promise<string> {
  await checkLine(to, { before: undefined, logId: manifest.id, reader, source: log.source, signal })
  const { commit } = log.state.branch
  const time = formatTime(timeOf(clock)).replace(/[-:]|\.\d+/g, '')
  const ref = `${REPLACED}${time}-${commit.slice(0, 12)}`
  const { gitDirectory, branch } = repository
  // Accepted twice within a second, it may be there.
  const expected = await readRef(fileSystem, gitDirectory, ref)
  await moveRef(fileSystem, gitDirectory, ref, { expected, next: commit }, clock)
  try {
    await log.follower.fastForward(to, commit, { signal })
  } catch (error) {
    const isKept = (await readRef(fileSystem, gitDirectory, branch)) === commit
    if (isKept && expected === undefined) await removeQuietly(fileSystem, `${gitDirectory}/${ref}`)
    throw error
  }
  return ref
}
