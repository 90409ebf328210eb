import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Findings } from '../../src/log/verification/findings.ts'
import { ObjectCache, Turns } from '../../src/log/verification/reading.ts'
import { readHistoricTree } from '../../src/log/verification/tree.ts'
import { type EncodedObject, encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { openReader } from '../../src/repository/open-reader.ts'
import { GitRunner } from '../../src/repository/runner.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { jsonLines, memoir } from '../cli/program.ts'
import { makeLog, storedLine, temporaryFolder } from '../log/log-fixture.ts'
import { bareRepository, git, gitText } from '../repository/real-git.ts'

test.each([
  { place: 'below events/', files: 100_000, commits: 20, megabytes: 128 },
  { place: 'beside the log', files: 50_000, commits: 16, megabytes: 96 },
])(
  'a history of large trees that differ $place takes the memory of a few of them',
  async (sizes) => {
    const { place, files, commits, megabytes } = sizes
    const isInside = place === 'below events/'
    const path = await makeLog([], { path: join(temporaryFolder(), 'large.git') })
    const manifest = entry('100644 memoir.yaml', gitText(path, 'rev-parse', 'main:memoir.yaml'))
    const nameOf = (number: number) => (isInside ? `${digits(number)}.jsonl` : `n${digits(number)}`)
    const file = (number: number, oid: string) => entry(`100644 ${nameOf(number)}`, oid)
    const blob = write(path, 'blob', storedLine({ stream: 'x', version: 1 }))
    const rest = Buffer.concat(Array.from({ length: files }, (_, at) => file(at + 2, blob)))
    const events = (directory: Buffer) =>
      entry('40000 events', write(path, 'tree', entry('40000 000000', write(path, 'tree', directory))))
    for (let at = 0; at < commits; at++) {
      const first = file(1, write(path, 'blob', storedLine({ stream: 'x', version: at + 1 })))
      const list = Buffer.concat([first, rest])
      const tree = write(path, 'tree', Buffer.concat(isInside ? [events(list), manifest] : [manifest, list]))
      const commit = git(path, ['commit-tree', tree, '-p', 'main', '-m', 'x']).toString().trim()
      git(path, ['update-ref', 'refs/heads/main', commit])
    }
    const node = [`--max-old-space-size=${megabytes}`]
    const { code, stdout } = await memoir(['-C', path, '-q', 'verify', '--json'], { node })
    expect(code).toBe(isInside ? 5 : 0)
    const found = { events: isInside ? files + 1 : 0, commits: commits + 1 }
    expect(jsonLines(stdout)[0]).toMatchObject(found)
  },
  240_000,
)

test('large folders that lie in one another take the memory of one of them', async () => {
  const path = await makeLog([], { path: join(temporaryFolder(), 'deep.git') })
  const manifest = entry('100644 memoir.yaml', gitText(path, 'rev-parse', 'main:memoir.yaml'))
  const blob = write(path, 'blob', 'x')
  const files = Buffer.concat(
    Array.from({ length: 3000 }, (_, at) => entry(`100644 n${digits(at).slice(-4)}`, blob)),
  )
  const folders: EncodedObject[] = []
  for (let depth = 0; depth < 400; depth++) {
    const below = folders.at(-1)
    const parts = below === undefined ? [files] : [entry('40000 a', below.oid), files]
    folders.push(encodeObject('tree', ...parts))
  }
  await new ObjectStore({ gitDirectory: path, fileSystem: nodeFileSystem }).write(folders)
  const root = write(path, 'tree', Buffer.concat([entry('40000 deep', folders.at(-1)!.oid), manifest]))
  const commit = git(path, ['commit-tree', root, '-p', 'main', '-m', 'x']).toString().trim()
  git(path, ['update-ref', 'refs/heads/main', commit])
  const options = { node: ['--max-old-space-size=80'] }
  const { code, stderr } = await memoir(['-C', path, '-q', 'verify', '--json'], options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
}, 60_000)

test('a tree of 100,000 folders is held against the one before in no time', async () => {
  const gitDirectory = bareRepository()
  const blob = write(gitDirectory, 'blob', 'x')
  const trees = ['one', 'other'].map((name) => write(gitDirectory, 'tree', entry(`100644 ${name}`, blob)))
  const folder = (number: number, oid: string) => entry(`40000 ${digits(number).slice(-6)}`, oid)
  const rest = Buffer.concat(Array.from({ length: 100_000 }, (_, at) => folder(at + 1, trees[0]!)))
  const roots = trees.map((tree) => {
    const events = write(gitDirectory, 'tree', Buffer.concat([folder(0, tree), rest]))
    return write(gitDirectory, 'tree', entry('40000 events', events))
  })
  await using runner = new GitRunner({ repository: { gitDirectory } })
  await using reader = await openReader({ gitDirectory, runner })
  const objects = new ObjectCache(reader)
  const context = { objects, findings: new Findings(), turns: new Turns(undefined) }
  const before = await readHistoricTree(context, roots[0]!, 'before', undefined)
  const { user } = process.cpuUsage()
  const after = await readHistoricTree(context, roots[1]!, 'after', before)
  expect(after?.directories).toHaveLength(100_001)
  expect(process.cpuUsage().user - user).toBeLessThan(3_000_000)
}, 60_000)

function write(path: string, type: string, content: Buffer | string): string {
  return git(path, ['hash-object', '-w', '-t', type, '--stdin'], { input: content }).toString().trim()
}

function entry(head: string, oid: string): Buffer {
  return Buffer.concat([Buffer.from(`${head}\0`), Buffer.from(oid, 'hex')])
}

function digits(number: number): string {
  return String(number).padStart(12, '0')
}
