import { expect, test } from 'vitest'
import type { CommitChange } from '../../src/log/committer.ts'
import { encodeObject } from '../../src/repository/object.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'
import {
  appendEach,
  batchFile,
  commitForeign,
  event,
  fsck,
  git,
  gitText,
  line,
  numbers,
  openLog,
  type TestLog,
  temporaryFolder,
} from './event-log-fixture.ts'

/** So large that two of them fill a file. */
const TEXT = 'x'.repeat(500_000)
/** How many commits it takes to fold so many pairs. */
const PAIRS = 18

async function appendPairs({ log }: TestLog): Promise<void> {
  for (let number = 1; number <= 2 * PAIRS; number++) {
    const events = [event(number, { data: { number, text: TEXT } })]
    await log.append([{ stream: 's', events }], undefined, 'committed')
  }
}

function folds(folder: string): number {
  return gitText(folder, 'log', '--format=%s').match(/^Fold/gm)?.length ?? 0
}

test('folds much with several commits, so that little of it is in memory at once', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendPairs(opened)
  expect(await opened.log.fold()).toEqual({ before: 2 * PAIRS, after: PAIRS })
  expect(folds(folder)).toBe(2)
  expect(await numbers(opened)).toEqual(Array.from({ length: 2 * PAIRS }, (_, at) => at + 1))
  await opened.close()
  expect(await numbers(await openLog(folder))).toHaveLength(2 * PAIRS)
  expect(fsck(folder)).toBe('')
})

test('folds no further once its signal is aborted, tells what was folded, and folds the rest later', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  let told = ''
  const onSealed = () => {
    told = opened.log.state.branch.commit
  }
  const opened = await openLog(folder, { fileSystem, onSealed })
  await appendPairs(opened)
  const controller = new AbortController()
  fileSystem.fail({
    on: ({ method, path }) => {
      if (method === 'rename' && path.includes('/refs/')) controller.abort(new Error('enough'))
      return false
    },
    effect: { kind: 'skip' },
  })
  await expect(opened.log.fold(controller.signal)).rejects.toThrow('enough')
  expect(folds(folder)).toBe(1)
  expect(told).toBe(gitText(folder, 'rev-parse', 'HEAD'))
  expect(await opened.log.fold()).toMatchObject({ after: PAIRS })
  expect(await numbers(opened)).toHaveLength(2 * PAIRS)
  expect(fsck(folder)).toBe('')
})

test('remembers no more sizes than there are files, and some, whoever replaces them', async () => {
  const opened = await openLog(temporaryFolder())
  await opened.log.append([{ stream: 's', events: [event(1)] }], undefined, 'committed')
  const { folding } = opened.log.writer!
  // As if each were sealed here, and then folded by somebody else.
  for (let number = 0; number < 5000; number++) folding.added([changeWith(`${number}`)])
  expect(folding.sizes.count).toBeLessThan(300)
})

function changeWith(content: string): CommitChange {
  const blob = encodeObject('blob', Buffer.from(content))
  const summary = { kind: 'append' as const, first: 1, count: 1, streams: [] }
  return { summary, blobs: [blob], tree: { remove: [], add: [] }, position: 1 }
}

test('folds by hand what somebody else committed just before, too', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  for (const number of [1, 2, 3]) {
    await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
  }
  commitForeign(folder, { [batchFile(4)]: line(4, { version: 1 }) })
  expect(await opened.log.fold()).toEqual({ before: 4, after: 1 })
  expect(await numbers(opened)).toEqual([1, 2, 3, 4])
})

test('folds nothing on a branch that was moved to what cannot be taken in, and says why', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  for (const number of [1, 2, 3]) {
    await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
  }
  const { commit: ours } = opened.log.state.branch
  const misfit = commitForeign(folder, { [batchFile(5)]: line(5, { version: 1 }) })
  await expect(opened.log.fold()).rejects.toMatchObject({
    code: 'branch-unreadable',
    commit: misfit,
    cause: { code: 'invalid-batch' },
  })
  expect(gitText(folder, 'rev-parse', 'HEAD')).toBe(misfit)
  git(folder, ['update-ref', 'HEAD', ours])
  expect(await opened.log.fold()).toEqual({ before: 3, after: 1 })
})

test('folds no further once somebody else moves the branch, and goes on from there when asked again', async () => {
  const folder = temporaryFolder()
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const opened = await openLog(folder, { fileSystem })
  for (const number of [1, 2, 3]) {
    await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
  }
  const { commit: ours } = opened.log.state.branch
  let theirs = ''
  fileSystem.fail({
    on: ({ method }) => {
      theirs ||= method === 'rename' ? commitForeign(folder, { [batchFile(4)]: line(4, { version: 1 }) }) : ''
      return false
    },
    effect: { kind: 'skip' },
  })
  const folded = opened.log.fold()
  await expect(folded).rejects.toMatchObject({ code: 'ref-moved', expected: ours })
  expect(gitText(folder, 'rev-parse', 'HEAD')).toBe(theirs)
  expect(await opened.log.fold()).toEqual({ before: 4, after: 1 })
  expect(await numbers(opened)).toEqual([1, 2, 3, 4])
})

test('folds by hand right behind a seal that failed once it had moved the branch, and goes on', async () => {
  const fileSystem = new FaultyFileSystem(nodeFileSystem)
  const folder = temporaryFolder()
  const opened = await openLog(folder, { fileSystem })
  for (const number of [1, 2, 3]) await appendEach(opened, 's', 1, number).then(() => opened.log.seal())
  await appendEach(opened, 's', 1, 4)
  fileSystem.fail({
    on: ({ method, path }) => method === 'syncDirectory' && path.endsWith('refs/heads'),
    effect: { kind: 'error', code: 'EIO', late: true },
  })
  const { sealer } = opened.log.writer!
  const [sealed, folded] = await Promise.allSettled([sealer.seal(), sealer.foldAll()])
  expect(sealed).toMatchObject({ status: 'rejected', reason: { code: 'seal-failed' } })
  expect(folded).toMatchObject({ status: 'fulfilled', value: { before: 4, after: 1 } })
  await appendEach(opened, 's', 1, 5)
  await opened.close()
  expect(opened.notices).not.toContainEqual(expect.objectContaining({ kind: 'diverged' }))
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3, 4, 5])
  expect(fsck(folder)).toBe('')
})
