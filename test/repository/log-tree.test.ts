import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BatchFile } from '../../src/repository/batch-file.ts'
import { NotALogError, ObjectCorruptError, UnexpectedEntryError } from '../../src/repository/errors.ts'
import { LogTree, type TreeChange } from '../../src/repository/log-tree.ts'
import { readDirectories } from '../../src/repository/log-tree-reading.ts'
import { encodeObject } from '../../src/repository/object.ts'
import { ObjectStore } from '../../src/repository/object-store.ts'
import { nodeFileSystem } from '../../src/system/file-system.ts'
import { bareRepository, git, gitText, plainReader, writeObject } from './real-git.ts'

const BLOB = encodeObject('blob', Buffer.from('{}\n'))
const EMPTY = LogTree.create({ manifest: BLOB.oid, gitattributes: BLOB.oid })

const batch = (first: number, codec: BatchFile['codec'] = 'jsonl'): BatchFile => ({
  first,
  codec,
  oid: BLOB.oid,
})

function logTree(...firsts: readonly number[]): LogTree {
  return EMPTY.tree.change({ remove: [], add: firsts.map((first) => batch(first)) }).tree
}

/** A repository to which changes can be written one after another. */
function startLog() {
  const repository = bareRepository()
  const store = new ObjectStore({ gitDirectory: repository, fileSystem: nodeFileSystem })
  let { tree } = EMPTY
  const change = async (change: TreeChange) => {
    const changed = tree.change(change)
    await store.write([BLOB, ...EMPTY.objects, ...changed.objects])
    tree = changed.tree
    return changed
  }
  return { repository, change, reader: plainReader(repository) }
}

const firstsOf = (files: Iterable<BatchFile>) => [...files].map(({ first }) => first)

describe('the tree of a log', () => {
  test('lies in git as the format says', async () => {
    const { repository, change } = startLog()
    const { tree } = await change({ remove: [], add: [batch(1), batch(43), batch(1_000_007, 'yaml')] })
    expect(
      gitText(repository, 'ls-tree', '-r', '--format=%(objectmode) %(path)', tree.oid).split('\n'),
    ).toEqual([
      '100644 .gitattributes',
      '100644 events/000000/000000000001.jsonl',
      '100644 events/000000/000000000043.jsonl',
      '100644 events/000001/000001000007.yaml',
      '100644 memoir.yaml',
    ])
  })

  test('is refused before its folders are read when they list too much', async () => {
    const { repository, change, reader } = startLog()
    const { tree } = await change({ remove: [], add: [batch(1), batch(1_000_007), batch(2_000_000)] })
    const events = gitText(repository, 'rev-parse', `${tree.oid}:events`)
    const read = readDirectories(reader, events, [], 100)
    await expect(read).rejects.toThrow(UnexpectedEntryError)
    expect(reader.oidsRead).toEqual([events])
    expect(await readDirectories(reader, events, [], 1000)).toHaveLength(3)
  })

  test('has no folder for events before the first', async () => {
    const { repository, change, reader } = startLog()
    const { tree } = await change({ remove: [], add: [] })
    expect(tree.oid).toBe(EMPTY.tree.oid)
    expect(gitText(repository, 'ls-tree', '--name-only', tree.oid)).toBe('.gitattributes\nmemoir.yaml')
    const read = await LogTree.read(reader, tree.oid)
    expect([read.fileCount, read.last, read.find(1), firstsOf(read.filesFrom(1))]).toEqual([
      0,
      undefined,
      undefined,
      [],
    ])
  })

  test('is read as it was changed, however it was changed', async () => {
    const firsts = fc.oneof(
      fc.integer({ min: 2, max: 30 }),
      fc.integer({ min: 2, max: 5 }).map((n) => n * 1_000_000),
    )
    const steps = fc.array(fc.uniqueArray(firsts, { maxLength: 8 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(steps, async (toggles) => {
        const { change, reader } = startLog()
        const expected = new Set([1])
        let { tree } = await change({ remove: [], add: [batch(1)] })
        let read = await LogTree.read(reader, tree.oid)
        for (const toggled of toggles) {
          const remove = toggled.filter((first) => expected.has(first))
          const add = toggled.filter((first) => !expected.has(first))
          for (const first of remove) expected.delete(first)
          for (const first of add) expected.add(first)
          tree = (await change({ remove, add: add.map((first) => batch(first)) })).tree
          read = await LogTree.read(reader, tree.oid, read)
          expect(firstsOf(read.filesFrom(1))).toEqual([...expected].sort((a, b) => a - b))
          expect({ ...read }).toEqual({ ...tree })
          expect(read.fileCount).toBe(expected.size)
        }
      }),
      { numRuns: 8 },
    )
  })

  test('writes only what a change touches: directory, events and root', async () => {
    const tree = logTree(1, 1_000_000, 2_000_000)
    const { tree: next, objects } = tree.change({ remove: [], add: [batch(2_000_009)] })
    expect(objects).toHaveLength(3)
    expect(next.directories[0]).toBe(tree.directories[0])
    expect(next.directories[1]).toBe(tree.directories[1])
    expect(firstsOf(tree.filesFrom(1))).toEqual([1, 1_000_000, 2_000_000])
  })

  test('reads only what it does not know', async () => {
    const { change, reader } = startLog()
    const before = await change({ remove: [], add: [batch(1), batch(1_000_000)] })
    const known = await LogTree.read(reader, before.tree.oid)
    const after = await change({ remove: [], add: [batch(1_000_005)] })
    reader.oidsRead.length = 0
    const read = await LogTree.read(reader, after.tree.oid, known)
    expect(reader.oidsRead).toHaveLength(3)
    expect(read.directories[0]).toBe(known.directories[0])
    expect(await LogTree.read(reader, after.tree.oid, read)).toBe(read)
  })

  test('replaces many files by one, as a fold does', () => {
    const tree = logTree(1, 5, 9, 12)
    const { tree: folded } = tree.change({ remove: [1, 5, 9], add: [batch(1)] })
    expect(firstsOf(folded.filesFrom(1))).toEqual([1, 12])
  })

  test('refuses to remove what is not there, and to add what is', () => {
    const tree = logTree(1, 5)
    expect(() => tree.change({ remove: [4], add: [] })).toThrow(RangeError)
    expect(() => tree.change({ remove: [], add: [batch(5, 'yaml')] })).toThrow(RangeError)
    expect(() => tree.change({ remove: [], add: [batch(7), batch(7)] })).toThrow(RangeError)
  })

  test.each([
    [0, undefined],
    [1, 1],
    [4, 1],
    [5, 5],
    [999_999, 5],
    [1_000_000, 5],
    [1_000_003, 1_000_003],
    [9e11, 1_000_003],
  ])('finds the file that holds position %d', (position, first) => {
    const tree = logTree(1, 5, 1_000_003)
    expect(tree.find(position)?.first).toBe(first)
    expect(firstsOf(tree.filesFrom(position))).toEqual(
      [1, 5, 1_000_003].filter((known) => known >= (first ?? 0)),
    )
    expect(tree.last?.first).toBe(1_000_003)
  })
})

describe('a tree that is not trusted', () => {
  /** Builds a tree by `git update-index --cacheinfo`, which takes any mode and path. */
  function treeOf(...entries: readonly (readonly [mode: string, path: string])[]) {
    const repository = bareRepository()
    const blob = writeObject(repository, '{}\n')
    const options = entries.flatMap(([mode, path]) => ['--cacheinfo', `${mode},${blob},${path}`])
    git(repository, ['update-index', '--add', ...options])
    const oid = gitText(repository, 'write-tree', '--missing-ok')
    return LogTree.read(plainReader(repository), oid)
  }

  const MANIFEST = ['100644', 'memoir.yaml'] as const
  const FIRST = ['100644', 'events/000000/000000000001.jsonl'] as const

  test.each([
    ['a symlink for a batch', '120000', 'events/000000/000000000002.jsonl', '120000'],
    ['an executable batch', '100755', 'events/000000/000000000002.jsonl', '100755'],
    ['a submodule for a batch', '160000', 'events/000000/000000000002.jsonl', '160000'],
    ['a folder for a batch', '100644', 'events/000000/000000000002.jsonl/x', '040000'],
    ['a symlink for a directory', '120000', 'events/000001', '120000'],
    ['a submodule for a directory', '160000', 'events/000001', '160000'],
    ['a foreign file in events', '100644', 'events/README.md', '100644'],
    ['a foreign folder in events', '100644', 'events/old/000000000001.jsonl', '040000'],
    ['a foreign file in a directory', '100644', 'events/000000/notes.txt', '100644'],
    ['a batch at position 0', '100644', 'events/000000/000000000000.jsonl', '100644'],
    ['a batch in the wrong directory', '100644', 'events/000001/000000000002.jsonl', '100644'],
    ['two batches at one position', '100644', 'events/000000/000000000001.yaml', '100644'],
    ['a symlink at the root', '120000', 'link', '120000'],
    ['a submodule at the root', '160000', 'module', '160000'],
    ['an executable at the root', '100755', 'run.sh', '100755'],
    ['a symlink for .gitattributes', '120000', '.gitattributes', '120000'],
  ])('is refused with %s', async (_, mode, path, shownMode) => {
    const error = await treeOf(MANIFEST, FIRST, [mode, path]).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(UnexpectedEntryError)
    const shown = error as UnexpectedEntryError
    expect(path.startsWith(shown.path), shown.path).toBe(true)
    expect(shown.mode).toBe(shownMode)
  })

  test('is refused if the log does not start at 1', async () => {
    const later = treeOf(MANIFEST, ['100644', 'events/000000/000000000002.jsonl'])
    await expect(later).rejects.toThrow('starts at position 2')
  })

  test('is refused with events that are a file, or a manifest that is a folder', async () => {
    await expect(treeOf(MANIFEST, ['100644', 'events'])).rejects.toBeInstanceOf(UnexpectedEntryError)
    await expect(treeOf(['100644', 'memoir.yaml/x'])).rejects.toBeInstanceOf(UnexpectedEntryError)
  })

  test('is refused with an empty directory', async () => {
    const { repository } = startLog()
    const blob = writeObject(repository, '')
    const make = (input: string) => git(repository, ['mktree'], { input }).toString().trim()
    const events = make(`040000 tree ${make('')}\t000000\n`)
    const root = make(`040000 tree ${events}\tevents\n100644 blob ${blob}\tmemoir.yaml\n`)
    await expect(LogTree.read(plainReader(repository), root)).rejects.toThrow('it is empty')
  })

  test('is no log without a manifest', async () => {
    const error = await treeOf(FIRST).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(NotALogError)
    expect(error).toMatchObject({ missing: 'memoir.yaml' })
  })

  test('is refused if it is a blob', async () => {
    const { repository } = startLog()
    const blob = writeObject(repository, '')
    await expect(LogTree.read(plainReader(repository), blob)).rejects.toBeInstanceOf(ObjectCorruptError)
  })

  test('keeps other files and folders at the root through a change', async () => {
    const tree = await treeOf(MANIFEST, FIRST, ['100644', 'README.md'], ['100755', 'tools/run.sh'])
    const { tree: next, objects } = tree.change({ remove: [], add: [batch(9)] })
    const root = Buffer.from(objects.at(-1)!.content).toString('latin1')
    for (const name of ['100644 README.md\0', '40000 tools\0', '100644 memoir.yaml\0', '40000 events\0']) {
      expect(root).toContain(name)
    }
    expect(next.fileCount).toBe(2)
  })
})
