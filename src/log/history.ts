import { messageOf } from '../event/errors.ts'
import { InvalidBatchError } from '../event/invalid-batch.ts'
import { encodeRecord, refuseUnlikeAppend } from '../event/record.ts'
import { MAX_DEPTH, parseStrictJson } from '../event/strict-json.ts'
import type { BatchFile } from '../repository/batch-file.ts'
import { batchPath } from '../repository/layout.ts'
import type { LogTree } from '../repository/log-tree.ts'
import type { BatchSource } from './batch-source.ts'
import type { BranchState } from './branch.ts'
import type { LogIndex } from './log-index.ts'
import type { Run } from './run.ts'

/**
 * The last position up to which two states of a branch hold the same events, whatever files they are in.
 * Reads only where the files differ: after a seal nothing, after a fold the folded files.
 */
export async function commonPosition(
  before: BranchState,
  after: BranchState,
  source: BatchSource,
  signal?: AbortSignal,
): Promise<number> {
  const shorter = Math.min(before.position, after.position)
  const from = firstDifference(before.tree, after.tree)
  if (from > shorter) return shorter
  const right = eventLines(source.replay(after.tree, from, signal), from)
  let common = from - 1
  for await (const line of eventLines(source.replay(before.tree, from, signal), from)) {
    const other = await right.next()
    if (other.done === true || other.value !== line) break
    common++
  }
  await right.return(undefined)
  return common
}

/** The first position of the first batch file that only one of two trees has. */
export function firstDifference(left: LogTree, right: LogTree): number {
  const shared = left.directories.findIndex(({ oid }, at) => oid !== right.directories[at]?.oid)
  const start = shared === -1 ? left.directories.length : shared
  const rights = filesOf(right, start)
  for (const file of filesOf(left, start)) {
    const other = rights.next().value
    if (other === undefined) return file.first
    // The same bytes are other events, or none, in the other codec.
    const isSame = other.first === file.first && other.oid === file.oid && other.codec === file.codec
    if (!isSame) return Math.min(file.first, other.first)
  }
  return rights.next().value?.first ?? Number.POSITIVE_INFINITY
}

function* filesOf(tree: LogTree, fromDirectory: number): Generator<BatchFile, undefined> {
  for (const { files } of tree.directories.slice(fromDirectory)) yield* files
  return undefined
}

/** The stored lines of events, one by one, from a position on. */
export async function* eventLines(runs: AsyncIterable<Run>, from: number): AsyncGenerator<string> {
  for await (const { first, lines } of runs) {
    for (let line = Math.max(0, from - first); line < lines.count; line++) yield lines.slice(line, line + 1)
  }
}

/**
 * Looks at every event after a position as closely as an append does: somebody else wrote it.
 *
 * @throws InvalidBatchError
 */
export async function checkForeignEvents(
  { tree }: BranchState,
  after: number,
  source: BatchSource,
  signal?: AbortSignal,
): Promise<void> {
  for await (const { first, lines } of source.replay(tree, after + 1, signal)) {
    for (let line = Math.max(0, after + 1 - first); line < lines.count; line++) {
      checkForeignEvent(lines.slice(line, line + 1), (problem, expected, cause) => {
        throw new InvalidBatchError(pathOf(tree, first), line + 1, problem, expected, cause)
      })
    }
  }
}

function checkForeignEvent(
  text: string,
  refuse: (problem: string, expected: string, cause?: unknown) => never,
): void {
  let value: unknown
  try {
    value = parseStrictJson(text, { maxDepth: MAX_DEPTH + 1 })
  } catch (error) {
    refuse(messageOf(error), 'one event as JSON', error)
  }
  // For its checks: the stored line stays as it is.
  encodeRecord(value, (problem, expected) => refuse(problem, expected))
  refuseUnlikeAppend(value, (problem, expected) => refuse(problem, expected))
}

/** Path of the batch file that begins at a position, for messages. */
function pathOf(tree: LogTree, first: number): string {
  return batchPath(first, tree.find(first)?.codec ?? 'jsonl')
}

/**
 * Adds a run to the index.
 *
 * @throws InvalidBatchError when an event does not follow from those before it
 */
export function indexRun(index: LogIndex, { first, lines }: Run, tree: LogTree): void {
  const file = tree.find(first)!.first
  if (index.count + 1 !== first) {
    throw new InvalidBatchError(
      pathOf(tree, file),
      1,
      `begins at position ${first}`,
      `position ${index.count + 1}`,
    )
  }
  const misfit = index.addLines(lines)
  if (misfit === undefined) return
  const line = first - file + misfit.line + 1
  throw new InvalidBatchError(pathOf(tree, file), line, misfit.problem, misfit.expected)
}

/**
 * Looks whether events bring ids that the log, or they themselves, hold already.
 *
 * @throws InvalidBatchError
 */
export async function checkIds(
  index: LogIndex,
  { first, lines }: Run,
  tree: LogTree,
  source: BatchSource,
): Promise<void> {
  const file = tree.find(first)!.first
  const seen = new Set<string>()
  for (let line = 0; line < lines.count; line++) {
    const id = lines.id(line)
    const isKnown = seen.has(id) || (await holdsId(index, id, tree, source))
    seen.add(id)
    if (!isKnown) continue
    const problem = `the id ${JSON.stringify(id)} is that of an earlier event`
    throw new InvalidBatchError(pathOf(tree, file), first - file + line + 1, problem, 'an id of its own')
  }
}

/** Whether an event that is in the index and in a batch file has this id. */
export async function holdsId(
  index: LogIndex,
  id: string,
  tree: LogTree,
  source: BatchSource,
): Promise<boolean> {
  for (const position of index.findId(id)) {
    const { first, lines } = await source.load(tree.find(position)!)
    if (lines.id(position - first) === id) return true
  }
  return false
}
