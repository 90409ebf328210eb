import { countSteps } from './commit-steps.ts'
import type { GitReader } from './git-reader.ts'
import type { GitRunner } from './runner.ts'

/** How far two commits have gone from what they have in common, in commits. */
export interface CommitDistance {
  readonly onlyLeft: number
  readonly onlyRight: number
  /** A merge among those that only the right one has: a log is a line. */
  readonly merge: string | undefined
}

/** So many commits are read one by one, 0.1 ms each, before git is asked: two processes. */
const FEW = 64

/**
 * Counts the commits that only one of two histories has. Where the right one follows on the left one, as a
 * rule, that is a few reads; else two git processes, 5 ms each, and 5 µs a commit.
 *
 * @throws ObjectMissingError, GitFailedError when a commit is missing
 */
export async function commitDistance(
  reader: GitReader,
  runner: GitRunner,
  left: string,
  right: string,
): Promise<CommitDistance> {
  const steps = await countSteps(reader, left, right, FEW)
  if (steps !== undefined) return { onlyLeft: 0, onlyRight: steps, merge: undefined }
  const args = ['rev-list', '--left-right', '--count', '--end-of-options', `${left}...${right}`]
  const { stdout } = await runner.run(args)
  const [onlyLeft = 0, onlyRight = 0] = stdout.toString('latin1').trim().split('\t').map(Number)
  return { onlyLeft, onlyRight, merge: await findMerge(runner, left, right) }
}

/** A merge among the commits up to one, and after another if it is given; undefined if there is none. */
export async function findMerge(
  runner: GitRunner,
  after: string | undefined,
  upTo: string,
): Promise<string | undefined> {
  const range = after === undefined ? [upTo] : [upTo, `^${after}`]
  const args = ['rev-list', '--min-parents=2', '--max-count=1', '--end-of-options', ...range]
  const { stdout } = await runner.run(args)
  return stdout.toString('latin1').trim() || undefined
}
