import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Log,
  type MemoirError,
  type NewEvent,
  type OpenOptions,
  open,
  projection,
  type StreamAppend,
} from '../../src/index.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { fsck, git, gitText, temporaryDirectory } from '../repository/real-git.ts'
import { FaultyFileSystem } from '../system/faulty-file-system.ts'

const opened = { type: 'AccountOpened', data: { owner: 'Ada' } }

describe('a path', () => {
  it('that is no repository and not empty is left alone', async () => {
    const path = temporaryDirectory()
    writeFileSync(join(path, 'notes.txt'), 'mine')
    expect(await failure(open(path))).toMatchObject({ code: 'not-a-repository' })
    expect(execFileSync('ls', ['-A', path], { encoding: 'utf8' })).toBe('notes.txt\n')
  })

  it('to a repository that is no log is refused, and the repository is unchanged', async () => {
    const path = commitFiles({ 'README.md': 'A project\n' })
    const before = gitText(path, 'rev-parse', 'HEAD')
    expect(await failure(open(path))).toMatchObject({
      code: 'not-a-log',
      missing: expect.stringContaining('memoir.yaml'),
    })
    expect(gitText(path, 'rev-parse', 'HEAD')).toBe(before)
    expect(gitText(path, 'status', '--porcelain')).toBe('')
  })

  it('to a log of a newer format is refused with both versions', async () => {
    const path = commitFiles({ 'memoir.yaml': 'format: 2\nname: later\n' })
    expect(await failure(open(path))).toMatchObject({ code: 'newer-format', found: 2, known: 1 })
  })

  it.runIf(process.getuid?.() === 0)('in a read-only folder is refused by name', async () => {
    const path = temporaryDirectory()
    const code = `import('${join(import.meta.dirname, '../../dist/index.js')}').then(({ open }) => open('${path}/log.git')).catch((error) => console.log(error.code, error.message))`
    execFileSync('chmod', ['555', path])
    // Root may write anywhere, so somebody else has to try.
    const said = execFileSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', code],
      { encoding: 'utf8' },
    )
    expect(said).toMatch(/^permission-denied .*log\.git/)
  })
})

it.runIf(process.getuid?.() === 0)(
  'a disk that is really full takes no append, gives reads, and recovers',
  async () => {
    const path = temporaryDirectory()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'memoir-test', path])
    try {
      await using log = await open(join(path, 'log.git'), { seal: { afterMs: 60_000, maxBytes: 1 << 30 } })
      const accepted: string[] = []
      const event = { type: 'Filled', data: 'x'.repeat(50_000) }
      const refused = await failure(
        (async () => {
          for (;;) accepted.push(...(await log.append('a', [event])).ids)
        })(),
      )
      expect(refused).toMatchObject({ code: 'journal-full' })
      expect(log.status().events).toBe(accepted.length)
      expect(await log.event(accepted.length)).toMatchObject({ id: accepted.at(-1) })
      execFileSync('mount', ['-o', 'remount,size=30m', path])
      expect(await log.append('a', [event])).toMatchObject({ position: accepted.length + 1 })
      await log.seal()
      expect(fsck(join(path, 'log.git'))).toBe('')
    } finally {
      execFileSync('umount', ['--lazy', path])
    }
  },
)

it.each([
  { codec: 'xml' },
  { engine: 'other' },
  { author: { name: 'Ada' } },
  { seal: { afterMs: Number.NaN } },
  { limits: { eventBytes: -1 } },
  // It could not read what it may write.
  { limits: { objectBytes: (16 << 20) - 1 } },
])('the options %j are refused before anything is made', async (options) => {
  const path = join(temporaryDirectory(), 'log.git')
  expect(await failure(open(path, options as OpenOptions))).toMatchObject({ code: 'usage' })
  expect(existsSync(path)).toBe(false)
})

describe('an append', () => {
  it('with a wrong expected version says where the stream stands', async () => {
    await withLog(async (log) => {
      await log.append('a', [opened])
      const error = await failure(log.append('a', [opened], { expectedVersion: 'no-stream' }))
      expect(error).toMatchObject({ code: 'concurrency', stream: 'a', expected: 'no-stream', actual: 1 })
      expect(log.status().events).toBe(1)
    })
  })

  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)])
  const bad: [string, NewEvent, string][] = [
    ['no type', {} as NewEvent, 'invalid-event'],
    ['an empty type', { type: '' }, 'invalid-event'],
    ['a BigInt', { type: 'T', data: { n: 1n } }, 'invalid-data'],
    ['NaN', { type: 'T', data: { n: Number.NaN } }, 'invalid-data'],
    ['half a surrogate pair', { type: 'T', data: { text: '\ud800' } }, 'invalid-data'],
    ['an integer over 2^53', { type: 'T', data: { n: 2 ** 53 } }, 'invalid-data'],
    ['200 levels', { type: 'T', data: deep(200) }, 'invalid-data'],
    ['a Map', { type: 'T', data: new Map() }, 'invalid-data'],
    ['more than the limit', { type: 'T', data: 'x'.repeat(2 << 20) }, 'event-too-large'],
  ]
  it.each(bad)('of an event with %s is refused, and nothing is stored', async (_what, event, code) => {
    await withLog(async (log) => {
      expect(await failure(log.append('a', [opened, event]))).toMatchObject({ code })
      expect(log.status()).toMatchObject({ events: 0, unsealed: 0 })
      expect(await log.append('a', [opened])).toMatchObject({ version: 1, position: 1 })
    })
  })

  it.each([[''], ['x'.repeat(201)], ['a\nb'], ['a\u0000b'], ['a\u009bb']])(
    'to a stream named %j is refused',
    async (stream) => {
      await withLog(async (log) => {
        expect(await failure(log.append(stream, [opened]))).toMatchObject({ code: 'invalid-stream' })
        expect(log.status().events).toBe(0)
      })
    },
  )

  it.each<[string, unknown]>([
    ['a hole', new Array(1)],
    ['null', [null]],
    ['a text', ['a']],
    ['a misspelt field', [{ stream: 'a', events: [opened], expected: 7 }]],
  ])('to several streams with %s among them is refused', async (_, appends) => {
    await withLog(async (log) => {
      expect(await failure(log.append(appends as StreamAppend[]))).toMatchObject({ code: 'usage' })
      expect(log.status().events).toBe(0)
    })
  })

  it('to streams with the names of what objects inherit, or of paths, is an ordinary one', async () => {
    const names = ['__proto__', 'constructor', '../../etc', 'toString', 'hasOwnProperty']
    const seen = projection({
      name: '__proto__',
      version: 1,
      init: () => new Map<string, number>(),
      when: { constructor: (state, { stream }) => void state.set(stream, (state.get(stream) ?? 0) + 1) },
    })
    const path = join(temporaryDirectory(), 'log.git')
    for (const round of [1, 2]) {
      await using log = await open(path, { projections: [seen], snapshot: { everyEvents: 1 } })
      for (const name of names) {
        expect(await log.append(name, [{ type: 'constructor' }, { type: '__proto__' }])).toMatchObject({
          version: round * 2,
        })
      }
      expect([...log.state(seen)]).toEqual(names.map((name) => [name, round]))
      expect(log.streams().map(({ stream }) => stream)).toEqual(names)
    }
    expect(fsck(path)).toBe('')
  })

  it('on a disk that fills up is refused, reads go on, and it works again when there is room', async () => {
    const disk = new FaultyFileSystem(nodeFileSystem)
    const path = join(temporaryDirectory(), 'log.git')
    await using log = await open(path, { ports: { fileSystem: disk } })
    await log.append('a', [opened])
    disk.fail({
      on: ({ method, path }) => method === 'write' && path.includes('/journal/'),
      effect: { kind: 'error', code: 'ENOSPC' },
    })
    expect(await failure(log.append('a', [opened]))).toMatchObject({ code: 'journal-full' })
    expect(await log.event(1)).toMatchObject({ version: 1 })
    expect(await log.append('a', [opened])).toMatchObject({ version: 2, position: 2 })
  })
})

it('a second writer is told who the first is', async () => {
  const path = join(temporaryDirectory(), 'log.git')
  await using log = await open(path)
  await log.append('a', [opened])
  expect(await failure(open(path))).toMatchObject({ code: 'log-locked', owner: { pid: process.pid } })
  await using reader = await open(path, { readOnly: true })
  expect(await failure(reader.append('a', [opened]))).toMatchObject({ code: 'read-only' })
})

describe('a batch file by hand', () => {
  const line = (position: number, fields: object = {}) =>
    `${JSON.stringify({ id: `e${position}`, stream: 'a', version: position, type: 'T', time: '2026-01-01T00:00:00.000Z', data: {}, ...fields })}\n`
  const file = (first: number, codec = 'jsonl') => `events/000000/${String(first).padStart(12, '0')}.${codec}`

  const cases: [string, Record<string, string>, object][] = [
    ['with a gap', { [file(1)]: line(1), [file(3)]: line(2) }, { code: 'invalid-batch', path: file(3) }],
    [
      'with a duplicate',
      { [file(1)]: line(1) + line(2), [file(2)]: line(2) },
      { code: 'invalid-batch', path: file(2) },
    ],
    [
      'with a wrong version',
      { [file(1)]: line(1) + line(2, { version: 7 }) },
      { code: 'invalid-batch', path: file(1), line: 2 },
    ],
    [
      'with two events on a line',
      { [file(1)]: line(1).trimEnd() + line(2) },
      { code: 'invalid-batch', path: file(1), line: 1 },
    ],
    [
      'with CRLF',
      { [file(1)]: line(1).replace('\n', '\r\n') },
      { code: 'invalid-batch', path: file(1), line: 1 },
    ],
    [
      'in YAML with a mistake',
      {
        [file(1, 'yaml')]: '- id: e1\n  stream: a\n  version: two\n  type: T\n  time: 2026-01-01T00:00:00Z\n',
      },
      {
        code: 'invalid-batch',
        path: file(1, 'yaml'),
        line: 3,
        expected: expect.stringContaining('whole number'),
      },
    ],
  ]
  it.each(cases)('%s is refused with file and line', async (_what, files, expected) => {
    const path = commitLog(files)
    expect(await failure(open(path, { readOnly: true }))).toMatchObject(expected)
    expect(await failure(open(path))).toMatchObject(expected)
    expect(gitText(path, 'status', '--porcelain')).toBe('')
  })

  it('in YAML without one is read like any other', async () => {
    const path = commitLog({
      [file(1)]: line(1),
      [file(2, 'yaml')]:
        '# by hand\n- id: e2\n  stream: a\n  version: 2\n  type: Corrected\n  time: 2026-01-01T01:00:00+01:00\n  data: { amount: 3 }\n',
    })
    await using log = await open(path)
    expect(await log.event(2)).toMatchObject({
      type: 'Corrected',
      time: '2026-01-01T00:00:00.000Z',
      data: { amount: 3 },
    })
    expect(await log.append('a', [opened], { expectedVersion: 2 })).toMatchObject({ position: 3 })
  })

  it('beside a symbolic link, a submodule or a foreign file is refused by the name of that entry', async () => {
    const link = commitLog({ [file(1)]: line(1) }, (path) =>
      symlinkSync('/etc/passwd', join(path, 'events/000000/000000000002.jsonl')),
    )
    expect(await failure(open(link))).toMatchObject({
      code: 'unexpected-entry',
      path: file(2),
      mode: '120000',
    })
    const foreign = commitLog({ [file(1)]: line(1), 'events/000000/notes.txt': 'hello\n' })
    expect(await failure(open(foreign))).toMatchObject({
      code: 'unexpected-entry',
      path: 'events/000000/notes.txt',
    })
    const submodule = commitLog({ [file(1)]: line(1) })
    const head = gitText(submodule, 'rev-parse', 'HEAD')
    git(submodule, ['update-index', '--add', '--cacheinfo', `160000,${head},events/000000/module`])
    git(submodule, ['commit', '--quiet', '-m', 'A module'])
    expect(await failure(open(submodule, { readOnly: true }))).toMatchObject({
      code: 'unexpected-entry',
      mode: '160000',
    })
  })
})

async function failure(result: Promise<unknown>): Promise<MemoirError> {
  try {
    await result
  } catch (error) {
    expect(error).toHaveProperty('hint')
    return error as MemoirError
  }
  throw new Error('nothing was refused')
}

async function withLog(use: (log: Log) => Promise<void>): Promise<void> {
  const path = join(temporaryDirectory(), 'log.git')
  await using log = await open(path)
  await use(log)
}

function commitFiles(files: Record<string, string>, alsoMake: (path: string) => void = () => {}): string {
  const path = temporaryDirectory()
  git(path, ['init', '--quiet', '--initial-branch=main'])
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  alsoMake(path)
  git(path, ['add', '--all'])
  git(path, ['commit', '--quiet', '-m', 'By hand'])
  return path
}

function commitLog(files: Record<string, string>, alsoMake?: (path: string) => void): string {
  const manifest =
    'format: 1\nid: 01a20814-7621-7419-a8d8-22425ec8720e\nname: by-hand\ncodec: jsonl\ncreated: 2026-01-01T00:00:00.000Z\n'
  return commitFiles({ 'memoir.yaml': manifest, '.gitattributes': '* -text\n', ...files }, alsoMake)
}

describe('an option that nobody knows', () => {
  it.each([
    ['readonly', { readonly: true }, 'open has no option "readonly"'],
    ['seal.after', { seal: { after: 5 } }, 'open option "seal" has no option "after"'],
  ])('%s is refused by open, and nothing is created', async (_, options, message) => {
    const path = join(temporaryDirectory(), 'log.git')
    const error = await failure(open(path, options as OpenOptions))
    expect(error).toMatchObject({ code: 'usage', message, hint: expect.stringMatching(/^It has /) })
    expect(existsSync(path)).toBe(false)
  })

  it('is refused by append and by read, and so is a value of another kind', async () => {
    await using log = await open(join(temporaryDirectory(), 'log.git'))
    const expected = { expected: 3 } as object
    expect(await failure(log.append('a', [opened], expected))).toMatchObject({ code: 'usage' })
    expect(log.status().events).toBe(0)
    const several = [
      { stream: null },
      { stream: 7 },
      { prefix: null },
      { ifMissing: 'eror' },
      { follow: 'yes' },
    ]
    for (const options of [{ type: ['AccountOpened'] }, { types: 'AccountOpened' }, ...several]) {
      expect(await failure(log.read(options as object).next())).toMatchObject({ code: 'usage' })
    }
  })
})

it('an append of more than 8 MiB is refused, since no reader would take its batch; just below it is stored', async () => {
  await using log = await open(join(temporaryDirectory(), 'log.git'))
  const event = (bytes: number) => ({ type: 'T', data: 'ü'.repeat(bytes / 2) })
  const many = Array.from({ length: 9 }, () => event(950_000))
  expect(await failure(log.append('a', many))).toMatchObject({ code: 'append-too-large', limit: 8 << 20 })
  expect(log.status().events).toBe(0)
  await log.append('a', many.slice(1), { ack: 'committed' })
  expect(log.status().events).toBe(8)
})
