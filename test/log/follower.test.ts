import { renameSync } from 'node:fs'
import { expect, test } from 'vitest'
import { follow } from '../../src/follow.ts'
import { BranchUnreadableError, LogDivergedError } from '../../src/log/errors.ts'
import { type Clock, systemClock } from '../../src/system/clock.ts'
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
  readAll,
  temporaryFolder,
  until,
  writeObject,
} from './event-log-fixture.ts'

const YAML = `# Written by hand.
- id: by-hand-1
  stream: account-1
  version: 1
  type: Counted
  time: 2099-01-01T00:00:00Z
  data: { number: 3 }
`

test('takes in events that were committed with plain git, in both codecs and any layout', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  commitForeign(folder, { [batchFile(3, 'yaml')]: YAML })
  commitForeign(folder, {
    [batchFile(4)]:
      '{ "type": "Counted", "id": "4", "version": 2, "stream": "account-1", "time": "2099-01-01T01:00:00+01:00", "data": {"number": 4} }\n',
  })
  await opened.log.follower.look()
  expect(await numbers(opened)).toEqual([1, 2, 3, 4])
  expect(opened.listener.ids.slice(2)).toEqual(['by-hand-1', '4'])
  expect(opened.notices).toMatchObject([{ kind: 'adopted', first: 3, count: 2 }])
  await appendEach(opened, 'account-1', 1, 5)
  expect(opened.log.streams().at(-1)).toMatchObject({ stream: 'account-1', version: 3, position: 5 })
  await opened.close()
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3, 4, 5])
})

test('takes in an event with as much as an append may have', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  const most = withTags(100).replace('}}\n', '},"metadata":{"actor":"anna","on":7}}\n')
  commitForeign(folder, { [batchFile(3)]: most })
  await opened.log.follower.look()
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test('opens where it was taken in by a version that did not look at its tags', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.close()
  commitForeign(folder, { [batchFile(3)]: withTags(101) })
  expect(await numbers(await openLog(folder))).toEqual([1, 2, 3])
})

test('an append to an idle log adopts what was just committed rather than contradict it', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await opened.log.append([{ stream: 's', events: [event(1)] }], undefined, 'committed')
  commitForeign(folder, { [batchFile(2)]: line(2, { version: 1 }) })
  const append = opened.log.append(
    [{ stream: 'foreign', events: [event(3)], expectedVersion: 1 }],
    undefined,
    'committed',
  )
  await expect(append).resolves.toMatchObject({ position: 3, version: 2 })
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test('stops when the branch was moved while events waited, and keeps them', async () => {
  const folder = temporaryFolder()
  let opened = await openLog(folder)
  await opened.log.append([{ stream: 's', events: [event(1)] }], undefined, 'committed')
  const ours = gitText(folder, 'rev-parse', 'HEAD')
  await appendEach(opened, 's', 2, 2)
  const theirs = commitForeign(folder, { [batchFile(2)]: line(2, { version: 1 }) })
  await expect(opened.log.seal()).rejects.toMatchObject({
    code: 'log-diverged',
    expected: ours,
    actual: theirs,
    unsealed: 2,
  })
  await expect(appendEach(opened, 's', 1)).rejects.toThrow(LogDivergedError)
  expect(opened.notices.map(({ kind }) => kind)).toEqual(['diverged'])
  expect(await numbers(opened)).toEqual([1, 2, 3])
  await expect(opened.close()).rejects.toThrow(LogDivergedError)

  await expect(openLog(folder)).rejects.toThrow(LogDivergedError)
  git(folder, ['update-ref', 'HEAD', ours])
  opened = await openLog(folder)
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test('tells an append that waits for its commit when the log diverges', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 1)
  commitForeign(folder, { [batchFile(1)]: line(1) })
  const appends = [1, 2, 3].map(() =>
    opened.log.append([{ stream: 's', events: [event(2)] }], undefined, 'committed'),
  )
  for (const { status } of await Promise.allSettled(appends)) expect(status).toBe('rejected')
})

test('takes in a branch that was reset and went on elsewhere, and then appends to it', async () => {
  const folder = temporaryFolder()
  let opened = await openLog(folder)
  await appendEach(opened, 's', 3)
  await opened.log.seal()
  const old = gitText(folder, 'rev-parse', 'HEAD')
  await appendEach(opened, 's', 3, 4)
  await appendEach(opened, 'gone', 2, 7)
  await opened.log.seal()
  git(folder, ['update-ref', 'HEAD', old])
  commitForeign(folder, { [batchFile(4)]: line(4, { stream: 's' }) })
  await opened.log.follower.look()
  expect(opened.notices).toMatchObject([
    { kind: 'rewritten', commonPosition: 3, positionBefore: 8, positionAfter: 4 },
  ])
  expect(opened.listener.ids).toHaveLength(4)
  expect(opened.log.streams().map(({ stream, version }) => [stream, version])).toEqual([['s', 4]])
  await appendEach(opened, 's', 1, 5)
  await appendEach(opened, 'gone', 1, 6)
  expect(await numbers(opened)).toEqual([1, 2, 3, 4, 5, 6])
  await opened.close()
  opened = await openLog(folder)
  expect(await numbers(opened)).toEqual([1, 2, 3, 4, 5, 6])
  expect(fsck(folder)).toBe('')
})

test('does not bring back events that were committed and reset while the log was closed', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  const old = gitText(folder, 'rev-parse', 'HEAD')
  await appendEach(opened, 's', 2, 2)
  await opened.close()
  git(folder, ['update-ref', 'HEAD', old])
  expect(await numbers(await openLog(folder))).toEqual([1])
})

test('ends a read that began before history was rewritten', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 4)
  await opened.log.seal()
  const reading = opened.log.read({ follow: true })
  await reading.next()
  commitForeign(folder, { [batchFile(1)]: line(1, { stream: 's' }) }, { amend: true })
  await opened.log.follower.look()
  await expect(reading.next()).rejects.toMatchObject({ code: 'log-rewritten' })
  expect(await readAll(opened)).toHaveLength(1)
})

test('says so when the branch is gone, and refuses appends until it is back', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await opened.log.append([{ stream: 's', events: [event(1)] }], undefined, 'committed')
  const { commit } = opened.log.state.branch
  git(folder, ['update-ref', '-d', 'refs/heads/main'])
  const error = await appendEach(opened, 's', 1).catch((caught: BranchUnreadableError) => caught)
  expect(error).toBeInstanceOf(BranchUnreadableError)
  expect(opened.notices.map(({ kind }) => kind)).toEqual(['unreadable-commit'])
  // As its hint says, to the letter.
  const [, ...way] = /"git (update-ref) (\S+) (\S+)"/.exec((error as BranchUnreadableError).hint!)!
  expect(way).toEqual(['update-ref', 'refs/heads/main', commit])
  git(folder, way)
  await appendEach(opened, 's', 1, 2)
  expect(await numbers(opened)).toEqual([1, 2])
})

const good = line(3, { version: 1 })
const tags = (count: number) => Array.from({ length: count }, (_, at) => `"tag:${at}"`).join()
const withTags = (count: number) => good.replace(',"time"', `,"tags":[${tags(count)}],"time"`)
const bad: readonly (readonly [
  string,
  Record<string, string>,
  { path?: string; line?: number; code?: string },
])[] = [
  ['leaves a gap', { [batchFile(4)]: line(4, { version: 1 }) }, { path: batchFile(4), line: 1 }],
  ['begins too early', { [batchFile(2)]: line(2, { version: 1 }) }, { code: 'history-changed' }],
  [
    'repeats an id',
    { [batchFile(3)]: good + good.replace('"version":1', '"version":2') },
    { path: batchFile(3), line: 2 },
  ],
  [
    'repeats a version',
    { [batchFile(3)]: line(3, { stream: 's', version: 2 }) },
    { path: batchFile(3), line: 1 },
  ],
  ['skips a version', { [batchFile(3)]: good + line(4, { version: 3 }) }, { path: batchFile(3), line: 2 }],
  [
    'goes back in time',
    { [batchFile(3)]: good + line(4, { version: 2, time: '2020-01-01T00:00:00.000Z' }) },
    { line: 2 },
  ],
  [
    'has a time that is none',
    { [batchFile(3)]: line(3, { version: 1, time: '2099-02-31T00:00:00.000Z' }) },
    { line: 1 },
  ],
  [
    'ends its lines with CR LF',
    { [batchFile(3)]: good.replace('\n', '\r\n') },
    { path: batchFile(3), line: 1 },
  ],
  [
    'holds two events on a line',
    { [batchFile(3)]: `${good.trimEnd()}${line(4, { version: 2 })}` },
    { line: 1 },
  ],
  [
    'holds two events on a line, a space between',
    { [batchFile(3)]: `${good.trimEnd()} ${line(4, { version: 2 })}` },
    { line: 1 },
  ],
  ['holds a blank line', { [batchFile(3)]: `${good}\n` }, { line: 2 }],
  ['is empty', { [batchFile(3)]: '' }, { line: 1 }],
  ['has an unknown field', { [batchFile(3)]: good.replace('}}\n', '},"extra":1}\n') }, { line: 1 }],
  [
    'has a name with control characters',
    { [batchFile(3)]: line(3, { version: 1, type: '\\u0000' }) },
    { line: 1 },
  ],
  ['has more tags than an append may', { [batchFile(3)]: withTags(101) }, { path: batchFile(3), line: 1 }],
  [
    'has more tags than an append may, in YAML',
    { [batchFile(3, 'yaml')]: YAML.replace('  time:', `  tags: [${tags(101)}]\n  time:`) },
    { path: batchFile(3, 'yaml') },
  ],
  ...['actor', 'correlationId', 'causationId'].map(
    (field) =>
      [
        `has metadata whose ${field} is no string`,
        { [batchFile(3)]: good.replace('}}\n', `},"metadata":{"${field}":7}}\n`) },
        { path: batchFile(3), line: 1 },
      ] as const,
  ),
  [
    'has an integer that would be rounded',
    { [batchFile(3)]: good.replace('"number":3', '"number":9007199254740993') },
    { line: 1 },
  ],
  ['has a key twice', { [batchFile(3)]: good.replace('"number":3', '"number":3,"number":4') }, { line: 1 }],
  [
    'is YAML with a mistake',
    { [batchFile(3, 'yaml')]: YAML.replace('version: 1', 'version: one') },
    { path: batchFile(3, 'yaml'), line: 4 },
  ],
  ['is a foreign file under events', { 'events/000000/notes.txt': 'hello' }, { code: 'unexpected-entry' }],
  [
    'is of a newer format',
    {
      'memoir.yaml':
        'format: 2\nid: 01a2081e-a849-7e3a-8622-3b3b6bb5300f\nname: log\ncodec: jsonl\ncreated: 2026-01-01T00:00:00.000Z\n',
    },
    { code: 'newer-format' },
  ],
  ['lacks the manifest', { 'memoir.yaml': undefined as unknown as string }, { code: 'not-a-log' }],
]

test.each(bad)('keeps the good state when a commit %s, until it is corrected', async (_, files, expected) => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  const before = opened.log.state.branch
  commitForeign(folder, files)
  await opened.log.follower.look()
  await opened.log.follower.look()
  expect(opened.notices).toMatchObject([
    { kind: 'unreadable-commit', error: { code: 'invalid-batch', ...expected } },
  ])
  expect(opened.log.state.branch).toBe(before)
  expect(opened.log.state.index.count).toBe(2)
  expect(opened.listener.ids).toHaveLength(2)
  expect(await numbers(opened)).toEqual([1, 2])
  await expect(appendEach(opened, 's', 1)).rejects.toThrow(BranchUnreadableError)

  git(folder, ['update-ref', 'HEAD', before.commit])
  commitForeign(folder, { [batchFile(3)]: good })
  await appendEach(opened, 'foreign', 1, 4)
  expect(await numbers(opened)).toEqual([1, 2, 3, 4])
  expect(opened.listener.ids).toHaveLength(4)
})

test.each([
  ['a symbolic link', '120000', batchFile(3)],
  ['a submodule', '160000', 'events/000000/000000000003.jsonl'],
  ['an executable file', '100755', batchFile(3)],
  ['a symbolic link in place of the manifest', '120000', 'memoir.yaml'],
])('keeps the good state when a commit brings %s', async (_, mode, path) => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  const oid = mode === '160000' ? gitText(folder, 'rev-parse', 'HEAD') : writeObject(folder, good)
  const index = { environment: { GIT_INDEX_FILE: `${folder}/foreign-index` } }
  git(folder, ['read-tree', 'HEAD'], index)
  git(folder, ['update-index', '--add', '--cacheinfo', `${mode},${oid},${path}`], index)
  const tree = git(folder, ['write-tree'], index).toString().trim()
  git(folder, ['update-ref', 'HEAD', gitText(folder, 'commit-tree', '-p', 'HEAD', '-m', 'Bad', tree)])
  await opened.log.follower.look()
  expect(opened.notices).toMatchObject([{ kind: 'unreadable-commit', error: { code: 'unexpected-entry' } }])
  expect(await numbers(opened)).toEqual([1, 2])
  await opened.close()
  await expect(openLog(folder)).rejects.toMatchObject({ code: 'unexpected-entry' })
})

test('looks at all of a commit before the branch is moved to it', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 2)
  await opened.log.seal()
  const before = opened.log.state.branch
  const misfit = commitForeign(folder, { [batchFile(3)]: line(3, { stream: 's', version: 9 }) })
  git(folder, ['update-ref', 'HEAD', before.commit])
  await expect(opened.log.follower.fastForward(misfit, opened.log.state.branch.commit)).rejects.toMatchObject(
    { code: 'invalid-batch' },
  )
  expect(gitText(folder, 'rev-parse', 'HEAD')).toBe(before.commit)
  const fitting = commitForeign(folder, { [batchFile(3)]: good })
  git(folder, ['update-ref', 'HEAD', before.commit])
  await opened.log.follower.fastForward(fitting, opened.log.state.branch.commit)
  expect(gitText(folder, 'rev-parse', 'HEAD')).toBe(fitting)
  await appendEach(opened, 's', 1, 4)
  expect(await numbers(opened)).toEqual([1, 2, 3, 4])
})

test('moves the branch no more once its log is closed', async () => {
  const folder = temporaryFolder()
  const opened = await openLog(folder)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  const { commit } = opened.log.state.branch
  const next = commitForeign(folder, { [batchFile(2)]: line(2, { version: 1 }) })
  git(folder, ['update-ref', 'HEAD', commit])
  // The lock is still held, and objects are read, as while a last push is under way.
  await opened.log.close()
  await expect(opened.log.follower.fastForward(next, opened.log.state.branch.commit)).rejects.toMatchObject({
    code: 'log-closed',
  })
  expect(gitText(folder, 'rev-parse', 'HEAD')).toBe(commit)
})

test('a log that is only read follows the one that writes', async () => {
  const folder = temporaryFolder()
  const writer = await openLog(folder)
  await appendEach(writer, 's', 2)
  await writer.log.seal()
  const reader = await openLog(folder, { readOnly: true })
  await appendEach(writer, 's', 2, 3)
  await writer.log.seal()
  await writer.log.fold()
  expect(await numbers(reader)).toEqual([1, 2])
  await reader.log.follower.look()
  expect(await numbers(reader)).toEqual([1, 2, 3, 4])
  await appendEach(writer, 's', 1, 5)
  await writer.close()
  await reader.log.follower.look()
  expect(await numbers(reader)).toEqual([1, 2, 3, 4, 5])
})

test('goes on with a commit whose events could not be shown at the first look', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  commitForeign(path, { [batchFile(1)]: line(1) + line(2) })
  const show = opened.listener.onRun
  opened.listener.onRun = () => {
    throw new Error('the reader died')
  }
  await opened.log.follower.look()
  expect(opened.log.follower.problem?.error).toMatchObject({
    code: 'not-shown',
    cause: { message: 'the reader died' },
  })
  expect(opened.log.state.visible.position).toBe(0)
  opened.listener.onRun = show
  await opened.log.follower.look()
  expect(opened.log.follower.problem).toBeUndefined()
  expect(opened.listener.ids).toHaveLength(2)
  expect(await numbers(opened)).toHaveLength(2)
})

test('shows a rewritten history that could not be shown before it moves the branch on', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  await appendEach(opened, 's', 3)
  await opened.log.seal()
  const rewritten = commitForeign(path, { [batchFile(1)]: line(1) }, { amend: true })
  const next = commitForeign(path, { [batchFile(2)]: line(2) })
  git(path, ['update-ref', 'HEAD', rewritten])
  const show = opened.listener.onRewritten
  opened.listener.onRewritten = async () => {
    throw new Error('the reader died')
  }
  await opened.log.follower.look()
  await expect(opened.log.follower.fastForward(next, opened.log.state.branch.commit)).rejects.toThrow(
    'the reader died',
  )
  await expect(opened.log.follower.catchUp()).rejects.toThrow('the reader died')
  expect(gitText(path, 'rev-parse', 'HEAD')).toBe(rewritten)
  opened.listener.onRewritten = show
  await opened.log.follower.fastForward(next, opened.log.state.branch.commit)
  expect(opened.listener.ids).toEqual(['foreign-foreign-1', 'foreign-foreign-2'])
  expect(opened.log.follower.problem).toBeUndefined()
  expect(opened.log.state.visible.position).toBe(2)
})

test('names the commit to set the branch back to, after which replicas take the log', async () => {
  const [path, replica] = [temporaryFolder(), `${temporaryFolder()}/replica.git`]
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  commitForeign(path, { [batchFile(7)]: line(7) })
  const { hint } = await appendEach(opened, 's', 1).catch((error) => error)
  const [, good = ''] = /"git reset --keep (.+?)"/.exec(hint) ?? []
  git(path, ['reset', '--quiet', '--soft', good])
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  await using following = await follow(path, replica, { stateDirectory: temporaryFolder() })
  expect(following.status().events).toBe(2)
})

test('takes in no merge, which replicas and restores refuse', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  const side = gitText(path, 'commit-tree', '-p', 'main', '-m', 'Side', 'main^{tree}')
  const merge = gitText(path, 'commit-tree', '-p', 'main', '-p', side, '-m', 'Merge', 'main^{tree}')
  git(path, ['update-ref', 'refs/heads/main', merge])
  const refused = { code: 'branch-unreadable', commit: merge, cause: { code: 'merge-commit' } }
  await expect(appendEach(opened, 's', 1)).rejects.toMatchObject(refused)
})

test('takes in a commit whose objects come late, as when files are synchronised one by one', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.log.seal()
  const commit = commitForeign(path, { [batchFile(2)]: line(2, { version: 1 }) })
  const oid = gitText(path, 'rev-parse', `${commit}:${batchFile(2)}`)
  const file = `${path}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`
  renameSync(file, `${file}.late`)
  await opened.log.follower.look()
  await opened.log.follower.look()
  await expect(appendEach(opened, 's', 1)).rejects.toMatchObject({ code: 'branch-unreadable', commit })
  expect(opened.notices).toMatchObject([{ kind: 'unreadable-commit', error: { code: 'object-missing' } }])
  renameSync(`${file}.late`, file)
  await until(async () => {
    await opened.log.follower.look()
    return opened.log.follower.problem === undefined
  })
  await appendEach(opened, 's', 1, 3)
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

/** A clock that is set by so much each time that it is looked at; the last is for good. */
function leapingClock(...leaps: readonly number[]): Clock {
  let looks = 0
  return { now: () => Date.now() + leaps[Math.min(looks++, leaps.length - 1)]! }
}

const DAY_MS = 24 * 3_600_000

test.each([
  { when: 'on during a look', leaps: [0, DAY_MS] },
  { when: 'back after a look', leaps: [0, 0, -DAY_MS] },
])('looks again at a commit that it could not read where the clock is set $when', async ({ leaps }) => {
  const path = temporaryFolder()
  let clock: Clock = systemClock
  const opened = await openLog(path, { clock: { now: () => clock.now() } })
  const commit = commitForeign(path, { [batchFile(1)]: line(1) })
  const oid = gitText(path, 'rev-parse', `${commit}:${batchFile(1)}`)
  const file = `${path}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`
  renameSync(file, `${file}.late`)
  clock = leapingClock(...leaps)
  await opened.log.follower.look()
  expect(opened.log.follower.problem).toMatchObject({ commit })
  renameSync(`${file}.late`, file)
  await until(async () => {
    await opened.log.follower.look()
    return opened.log.follower.problem === undefined
  })
  expect(await numbers(opened)).toEqual([1])
})

test('keeps events that a later commit removes, and refuses appends until it is taken back', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  for (const number of [1, 2]) {
    await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
  }
  const { commit } = opened.log.state.branch
  commitForeign(path, { [batchFile(2)]: undefined })
  await opened.log.follower.look()
  expect(opened.notices).toMatchObject([
    { kind: 'unreadable-commit', error: { code: 'history-changed', position: 2 } },
  ])
  expect(await numbers(opened)).toEqual([1, 2])
  await expect(appendEach(opened, 's', 1, 3)).rejects.toThrow(BranchUnreadableError)
  git(path, ['update-ref', 'HEAD', commit])
  await appendEach(opened, 's', 1, 3)
  expect(await numbers(opened)).toEqual([1, 2, 3])
})

test.each(['jsonl', 'yaml'] as const)(
  'refuses a commit that gives a batch in %s the name of the other codec, and nothing else',
  async (codec) => {
    const path = temporaryFolder()
    const opened = await openLog(path, { codec })
    for (const number of [1, 2]) {
      await opened.log.append([{ stream: 's', events: [event(number)] }], undefined, 'committed')
    }
    // What was read is kept.
    expect(await numbers(opened)).toEqual([1, 2])
    const { commit } = opened.log.state.branch
    for (const first of [1, 2]) {
      const content = git(path, ['cat-file', 'blob', `HEAD:${batchFile(first, codec)}`]).toString()
      const other = batchFile(first, codec === 'yaml' ? 'jsonl' : 'yaml')
      commitForeign(path, { [batchFile(first, codec)]: undefined, [other]: content })
      await opened.log.follower.look()
      expect(opened.log.follower.problem?.error).toMatchObject({ code: 'invalid-batch', path: other })
      git(path, ['update-ref', 'HEAD', commit])
    }
    await appendEach(opened, 's', 1, 3)
    await opened.close()
    expect(await numbers(await openLog(path))).toEqual([1, 2, 3])
  },
)

test('is not begun anew when its branch was removed while it was closed', async () => {
  const path = temporaryFolder()
  const opened = await openLog(path)
  await appendEach(opened, 's', 1)
  await opened.close()
  const commit = gitText(path, 'rev-parse', 'HEAD')
  git(path, ['update-ref', '-d', 'refs/heads/main'])
  await expect(openLog(path)).rejects.toMatchObject({ code: 'not-a-log' })
  git(path, ['update-ref', 'refs/heads/main', commit])
  expect(await numbers(await openLog(path))).toEqual([1])
})
