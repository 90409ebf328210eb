import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clone, type Notice, open } from '../../src/index.ts'
import { memoir } from '../cli/program.ts'
import { temporaryFolder } from '../log/event-log-fixture.ts'
import { git, gitText } from '../repository/real-git.ts'

const QUIET = { watch: false, maintenance: false } as const
const GIB = 1 << 30
/** A process that opens a log takes some 80 MB. */
const MOST_MEMORY_KIB = 300 * 1024
const MOST_MS = 20_000
const BATCH = 'events/000000/000000000002.jsonl'

/** A log of one event. */
let sound: string
let folder: string
let zeros: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'memoir-hostile-'))
  sound = join(folder, 'sound.git')
  await using log = await open(sound, QUIET)
  await log.append('s', [{ type: 'Counted', data: {} }], { ack: 'committed' })
  // Deflated it is 4.6 MB, and 1 MB in a pack.
  const command = `head -c ${GIB} /dev/zero | git -C '${sound}' -c core.bigFileThreshold=1m -c core.compression=1 hash-object -w --stdin`
  zeros = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim()
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true }))

describe.each(['loose', 'packed'] as const)('a batch of 1 GiB of zeros, %s', (kind) => {
  let path: string
  // The pack takes 20 s to make.
  beforeAll(() => {
    path = hostile([[BATCH, '100644', zeros]], kind, undefined, join(folder, kind))
  }, 240_000)

  it.each(['git', 'isomorphic'] as const)(
    'is refused by open before it is read, with the engine %s',
    async (engine) => {
      await expectQuick(async () => {
        await expect(open(path, { ...QUIET, engine })).rejects.toMatchObject({
          code: 'object-too-large',
          size: GIB,
        })
      })
    },
  )

  it.each(['status', 'read', 'verify'])('is refused by memoir %s in little memory', async (command) => {
    await expectQuick(async () => {
      const { code, peakKiB } = await measured(['-C', path, command])
      expect(code).not.toBe(0)
      expect(peakKiB).toBeLessThan(MOST_MEMORY_KIB)
    })
  })
})

describe('a tree of 10^10 paths', () => {
  it('below events/ is refused by open, in no time', async () => {
    for (const path of ['events/000000', 'events']) {
      const repository = hostile([], 'loose', (gitDirectory) =>
        withEntry(gitDirectory, path, bomb(gitDirectory)),
      )
      await expectQuick(async () => {
        await expect(open(repository, QUIET)).rejects.toMatchObject({ code: 'unexpected-entry' })
      })
      await expectQuick(async () => {
        const { code, peakKiB } = await measured(['-C', repository, 'verify'])
        expect(code).toBe(5)
        expect(peakKiB).toBeLessThan(MOST_MEMORY_KIB)
      })
    }
  })

  it.each([
    { what: 'files', ends: 'x' },
    { what: 'folders without files', ends: null },
  ])(
    'beside events/, of $what, is never walked, and never checked out',
    async ({ ends }) => {
      const remote = hostile([], 'loose', (gitDirectory) =>
        withEntry(gitDirectory, 'docs', bomb(gitDirectory, ends)),
      )
      const notices: Notice[] = []
      await expectQuick(async () => {
        await using copy = await clone(remote, join(temporaryFolder(), 'copy'), {
          ...QUIET,
          workTree: true,
          onNotice: (notice) => notices.push(notice),
        })
        expect(copy.status().events).toBe(1)
        expect((await copy.verify()).isSound).toBe(true)
        expect(existsSync(join(copy.status().path, 'docs'))).toBe(false)
      })
      expect(notices).toMatchObject([{ kind: 'work-tree-behind', error: { code: 'unexpected-entry' } }])
    },
    60_000,
  )
})

describe('an entry that could lead out of the repository', () => {
  const LOOK_ALIKES = [
    '.git',
    '.GIT',
    '.gIt',
    'git~1',
    'GIT~1',
    '.git.',
    '.git ',
    '.git::$INDEX',
    '.g\u200cit',
    '.git\\x',
    '..',
    '.',
  ]

  it.each(LOOK_ALIKES)('named %j is refused at the root and below events/', async (name) => {
    for (const place of ['', 'events/'] as const) {
      const path = hostile([], 'loose', (gitDirectory) => rawEntry(gitDirectory, place, '100644', name))
      await expect(open(path, QUIET)).rejects.toMatchObject({ code: 'object-corrupt' })
    }
  })

  it.each([
    ['a symbolic link', '120000'],
    ['a submodule', '160000'],
    ['an executable', '100755'],
  ])('as %s is refused at the root and as a batch', async (_, mode) => {
    for (const name of ['link', 'events', 'memoir.yaml']) {
      const path = hostile([], 'loose', (gitDirectory) => rawEntry(gitDirectory, '', mode, name))
      await expect(open(path, QUIET)).rejects.toMatchObject({ code: 'unexpected-entry' })
    }
    const path = hostile([[BATCH, mode, gitText(sound, 'rev-parse', 'main:memoir.yaml')]], 'loose')
    await expect(open(path, QUIET)).rejects.toMatchObject({ code: 'unexpected-entry' })
  })

  it('as a symbolic link in a folder beside the log is not checked out', async () => {
    const link = (gitDirectory: string) =>
      mktree(gitDirectory, `120000 blob ${hashOf(gitDirectory, '/etc/passwd')}\tlink\n`)
    const remote = hostile([], 'loose', (gitDirectory) => withEntry(gitDirectory, 'docs', link(gitDirectory)))
    await using copy = await clone(remote, join(temporaryFolder(), 'copy'), { ...QUIET, workTree: true })
    expect(existsSync(join(copy.status().path, 'docs'))).toBe(false)
  }, 60_000)
})

/** A copy of the sound log with a commit on top: entries of the tree, or a tree made by hand. */
function hostile(
  entries: readonly (readonly [path: string, mode: string, oid: string])[],
  kind: 'loose' | 'packed',
  makeTree?: (gitDirectory: string) => string,
  parent = temporaryFolder(),
): string {
  const path = join(parent, 'log.git')
  cpSync(sound, path, { recursive: true })
  const index = { environment: { GIT_INDEX_FILE: join(path, 'hostile-index') } }
  git(path, ['read-tree', 'main'], index)
  for (const [name, mode, oid] of entries)
    git(path, ['update-index', '--add', '--cacheinfo', `${mode},${oid},${name}`], index)
  const tree = makeTree?.(path) ?? git(path, ['write-tree', '--missing-ok'], index).toString().trim()
  const commit = gitText(path, 'commit-tree', '-p', 'main', '-m', 'Hostile', tree)
  git(path, ['update-ref', 'refs/heads/main', commit])
  if (kind === 'packed') git(path, ['-c', 'core.bigFileThreshold=1m', 'repack', '-adq'])
  return path
}

function mktree(gitDirectory: string, input: string): string {
  return git(gitDirectory, ['mktree', '--missing'], { input }).toString().trim()
}

function hashOf(gitDirectory: string, input: string): string {
  return git(gitDirectory, ['hash-object', '-w', '--stdin'], { input }).toString().trim()
}

/** Ten trees, each of which names the next one ten times; the last one files, or nothing. */
function bomb(gitDirectory: string, content: string | null = 'x'): string {
  const names = Array.from({ length: 10 }, (_, number) => `d${number}`)
  const files = content === null ? [] : names
  let tree = mktree(
    gitDirectory,
    files.map((name) => `100644 blob ${hashOf(gitDirectory, 'x')}\t${name}\n`).join(''),
  )
  for (let level = 1; level < 10; level++) {
    tree = mktree(gitDirectory, names.map((name) => `040000 tree ${tree}\t${name}\n`).join(''))
  }
  return tree
}

/** The tree of the log with a folder put somewhere. */
function withEntry(gitDirectory: string, path: string, tree: string): string {
  const [first = '', second] = path.split('/')
  const inner = second === undefined ? tree : mktree(gitDirectory, `040000 tree ${tree}\t${second}\n`)
  const others = gitText(gitDirectory, 'ls-tree', 'main')
    .split('\n')
    .filter((line) => !line.endsWith(`\t${first}`))
  return mktree(gitDirectory, [...others, `040000 tree ${inner}\t${first}`].join('\n').concat('\n'))
}

/** The tree of the log with an entry of a name that git itself would not put there. */
function rawEntry(gitDirectory: string, place: '' | 'events/', mode: string, name: string): string {
  const blob = hashOf(gitDirectory, '/etc/passwd')
  const put = (parent: string) => {
    const lines = gitText(gitDirectory, 'ls-tree', parent)
      .split('\n')
      .filter((line) => line !== '' && !line.endsWith(`\t${name}`))
    const rows = lines.map(
      (line) => /^(\d+) \w+ (\w+)\t(.*)$/.exec(line)!.slice(1) as [string, string, string],
    )
    return writeTree(gitDirectory, [...rows, [mode, blob, name]])
  }
  if (place === '') return put('main^{tree}')
  return withEntry(gitDirectory, 'events', put('main:events'))
}

function writeTree(gitDirectory: string, rows: readonly [mode: string, oid: string, name: string][]): string {
  const key = ([mode, , name]: (typeof rows)[number]) => Buffer.from(mode === '040000' ? `${name}/` : name)
  const sorted = [...rows].sort((left, right) => key(left).compare(key(right)))
  const content = Buffer.concat(
    sorted.flatMap(([mode, oid, name]) => [
      Buffer.from(`${mode.replace(/^0/, '')} ${name}\0`),
      Buffer.from(oid, 'hex'),
    ]),
  )
  return git(gitDirectory, ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], { input: content })
    .toString()
    .trim()
}

async function expectQuick(work: () => Promise<void>): Promise<void> {
  const start = performance.now()
  await work()
  expect(performance.now() - start).toBeLessThan(MOST_MS)
}

/** Runs the program, and tells how much memory it took at most. */
async function measured(words: readonly string[]): Promise<{ code: number | null; peakKiB: number }> {
  const tell = 'process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))'
  const { code, stderr } = await memoir(words, {
    node: ['--import', `data:text/javascript,${encodeURIComponent(tell)}`],
  })
  return { code, peakKiB: Number(/peak (\d+)$/.exec(stderr)?.[1]) }
}
